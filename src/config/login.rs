//! Configuration of login tokens.

use axum::http::Uri;

use crate::auth::jwt;
use crate::auth::root_certificates::RootCertificates;
use crate::cli::LoginArgs;

use super::Error;

/// Returns the verification of login tokens; `None` without --jwks-url.
pub(super) fn logins(args: LoginArgs) -> Result<Option<jwt::Config>, Error> {
    let audiences: Vec<_> = args.jwt_audience.into_iter().filter(|audience| !audience.is_empty()).collect();
    let Some(jwks_url) = args.jwks_url else {
        return match (args.jwt_issuer, &*audiences) {
            (None, []) if args.jwks_ca_file.is_none() => Ok(None),
            (None, []) => Err(Error::new("jwks-url", "is required with --jwks-ca-file")),
            _ => Err(Error::new("jwks-url", "is required with --jwt-issuer and --jwt-audience")),
        };
    };
    let issuer = args.jwt_issuer.filter(|issuer| !issuer.is_empty());
    let issuer = issuer.ok_or_else(|| Error::new("jwt-issuer", "is required with --jwks-url"))?;
    if audiences.is_empty() {
        return Err(Error::new("jwt-audience", "is required with --jwks-url"));
    }
    let uri: Option<Uri> = jwks_url.parse().ok();
    let is_web = |uri: &Uri| ["http", "https"].contains(&uri.scheme_str().unwrap_or_default());
    if !uri.as_ref().is_some_and(|uri| is_web(uri) && uri.host().is_some_and(|host| !host.is_empty())) {
        return Err(Error::new("jwks-url", "expected https://HOST/PATH, or http:// inside a trusted network"));
    }
    let jwks_roots = args.jwks_ca_file.map(|file| {
        let wrong = |cause| Error::new("jwks-ca-file", format!("{} {cause}", file.display()));
        RootCertificates::read(&file).map_err(wrong)
    });
    let jwks_roots = jwks_roots.transpose()?;
    if jwks_roots.is_some() && uri.is_none_or(|uri| uri.scheme_str() != Some("https")) {
        return Err(Error::new("jwks-ca-file", "requires --jwks-url to be an https:// URL"));
    }
    let claims = [
        ("jwt-organization-claim", &args.jwt_organization_claim),
        ("jwt-organization-role-claim", &args.jwt_organization_role_claim),
        ("jwt-platform-role-claim", &args.jwt_platform_role_claim),
    ];
    if let Some((flag, _)) = claims.into_iter().find(|(_, claim)| claim.is_empty()) {
        return Err(Error::new(flag, "must not be empty"));
    }
    let roles = |roles: Vec<String>| roles.into_iter().filter(|role| !role.is_empty()).collect();
    Ok(Some(jwt::Config {
        jwks_url,
        jwks_roots,
        issuer,
        audiences,
        organization_claim: args.jwt_organization_claim,
        organization_role_claim: args.jwt_organization_role_claim,
        platform_role_claim: args.jwt_platform_role_claim,
        admin_roles: roles(args.jwt_admin_role),
        member_roles: roles(args.jwt_member_role),
        platform_admin_roles: roles(args.jwt_platform_admin_role),
    }))
}
