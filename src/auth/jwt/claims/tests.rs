use serde_json::json;

use super::*;

const NOW: i64 = 1_700_000_000_000;
const SECOND: i64 = NOW / 1_000;

fn config() -> JwtConfig {
    JwtConfig {
        jwks_url: "https://login.example.org/keys".into(),
        jwks_roots: None,
        issuer: "https://login.example.org".into(),
        audiences: vec!["chatgraph".into()],
        claims: Claims { admin_roles: vec!["owner".into()], ..crate::config::defaults() },
    }
}

/// Returns the viewer of valid claims with `changed` ones replaced.
fn of(changed: &Value, now: i64) -> Result<Viewer, JwtError> {
    let mut claims = json!({
        "iss": "https://login.example.org", "aud": "chatgraph", "sub": "user_1", "exp": SECOND,
        "activeOrganizationId": "org_1", "orgRole": "owner",
    });
    let claims = claims.as_object_mut().expect("an object");
    claims.extend(changed.as_object().expect("an object").clone());
    viewer(claims, &config(), now)
}

#[test]
fn a_token_counts_until_30_seconds_behind_its_expiry() {
    for (now, counts) in [(NOW, true), (NOW + 29_999, true), (NOW + 30_000, false), (i64::MAX, false)] {
        assert_eq!(of(&json!({}), now).map(|_| ()), if counts { Ok(()) } else { Err(JwtError::Expired) }, "{now}");
    }
    assert_eq!(of(&json!({}), NOW).map(|viewer| viewer.expires_at), Ok(Some(NOW + 29_999)));
    let fraction = json!({"exp": 1_700_000_000.25});
    assert_eq!(of(&fraction, NOW).map(|viewer| viewer.expires_at), Ok(Some(NOW + 250 + 29_999)));
}

#[test]
fn a_token_counts_from_30_seconds_before_its_beginning() {
    let later = json!({"nbf": SECOND + 30, "exp": SECOND + 100});
    assert!(of(&later, NOW).is_ok());
    assert_eq!(of(&later, NOW - 1), Err(JwtError::NotBefore));
    for wrong in [json!({"nbf": "0"}), json!({"nbf": null}), json!({"nbf": -1}), json!({"nbf": []})] {
        assert_eq!(of(&wrong, NOW), Err(JwtError::NotBefore), "{wrong}");
    }
}

#[test]
fn an_expiry_is_a_time() {
    for wrong in [json!({"exp": null}), json!({"exp": "1700000000"}), json!({"exp": -1}), json!({"exp": true})] {
        assert_eq!(of(&wrong, NOW), Err(JwtError::Expiry), "{wrong}");
    }
    for far in [json!({"exp": i64::MAX}), json!({"exp": u64::MAX}), json!({"exp": 1e300})] {
        assert_eq!(of(&far, NOW).map(|viewer| viewer.expires_at), Ok(Some(FOREVER)), "{far}");
    }
}

#[test]
fn other_claims_are_checked() {
    for (wrong, refusal) in [
        (json!({"iss": ["https://login.example.org"]}), JwtError::Issuer),
        (json!({"iss": "https://login.example.org/"}), JwtError::Issuer),
        (json!({"iss": null}), JwtError::Issuer),
        (json!({"aud": []}), JwtError::Audience),
        (json!({"aud": ["chatgraph", 1]}), JwtError::Audience),
        (json!({"aud": {"chatgraph": 1}}), JwtError::Audience),
        (json!({"sub": ""}), JwtError::Subject),
        (json!({"sub": "x".repeat(256)}), JwtError::Subject),
        (json!({"sub": null}), JwtError::Subject),
        (json!({"activeOrganizationId": ""}), JwtError::Organization),
        (json!({"activeOrganizationId": "x".repeat(129)}), JwtError::Organization),
        (json!({"activeOrganizationId": 1}), JwtError::Organization),
    ] {
        assert_eq!(of(&wrong, NOW), Err(refusal), "{wrong}");
    }
    assert!(of(&json!({"aud": ["other", "chatgraph"], "sub": "x".repeat(255)}), NOW).is_ok());
}

#[test]
fn a_user_without_an_organization_has_no_permissions() {
    let viewer = of(&json!({"activeOrganizationId": null, "role": "super_admin"}), NOW).expect("a viewer");
    assert_eq!((viewer.organization, viewer.capabilities), (None, Capabilities::default()));
}
