//! Configuration of authentication: the limit of invalid tokens, and login tokens.

use std::path::PathBuf;

use axum::http::Uri;
use clap::Args;

use super::root_certificates::RootCertificates;
use crate::config::Error;

/// Limits of authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
#[command(next_help_heading = "Connections")]
#[group(skip)]
pub struct Config {
    /// Invalid tokens allowed per minute from one address (one /64 network for IPv6), 0 to 1000000; 0 disables the
    /// limit. Further invalid tokens get 429 for a minute. After 50 times as many, tokens are rejected without
    /// verification, unless they were recently valid
    #[arg(long, env = "CHATGRAPH_MAX_FAILED_TOKENS_PER_MINUTE", default_value_t = 60, value_parser = clap::value_parser!(u32).range(0..=1_000_000), value_name = "COUNT")]
    pub max_failed_tokens_per_minute: u32,
}

/// Login token options.
#[derive(Debug, Args)]
#[command(next_help_heading = "Login tokens")]
#[group(skip)]
pub struct LoginArgs {
    /// URL of the JSON Web Key Set with the frontend's public keys: `https://HOST/PATH`. JWTs signed by these keys are
    /// accepted as users' tokens, in addition to API keys; needs --jwt-issuer and --jwt-audience
    #[arg(long, env = "CHATGRAPH_JWKS_URL", value_name = "URL")]
    pub jwks_url: Option<String>,
    /// CA certificates in PEM to verify the server of --jwks-url with, instead of the public CAs
    #[arg(long, env = "CHATGRAPH_JWKS_CA_FILE", value_name = "FILE")]
    pub jwks_ca_file: Option<PathBuf>,
    /// Required `iss` claim of a JWT (exact match)
    #[arg(long, env = "CHATGRAPH_JWT_ISSUER", value_name = "ISSUER")]
    pub jwt_issuer: Option<String>,
    /// Accepted `aud` value of a JWT (exact match); repeatable, any of them suffices
    #[arg(long, env = "CHATGRAPH_JWT_AUDIENCE", value_delimiter = ',', value_name = "AUDIENCE")]
    pub jwt_audience: Vec<String>,
    /// The meaning of the other claims.
    #[command(flatten)]
    pub claims: Claims,
}

/// Claims of a login token that determine the organization and the permissions of its user.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Login tokens")]
#[group(skip)]
pub struct Claims {
    /// Claim with the id of the organization that a JWT grants access to. A JWT without it grants access to no
    /// organization
    #[arg(
        long = "jwt-organization-claim",
        env = "CHATGRAPH_JWT_ORGANIZATION_CLAIM",
        default_value = "activeOrganizationId",
        value_name = "CLAIM"
    )]
    pub organization: String,
    /// Claim with the user's role in that organization
    #[arg(
        long = "jwt-organization-role-claim",
        env = "CHATGRAPH_JWT_ORGANIZATION_ROLE_CLAIM",
        default_value = "orgRole",
        value_name = "CLAIM"
    )]
    pub organization_role: String,
    /// Claim with the user's platform role, which applies to all organizations
    #[arg(
        long = "jwt-platform-role-claim",
        env = "CHATGRAPH_JWT_PLATFORM_ROLE_CLAIM",
        default_value = "role",
        value_name = "CLAIM"
    )]
    pub platform_role: String,
    /// Organization role with all permissions; repeatable
    #[arg(
        long = "jwt-admin-role",
        env = "CHATGRAPH_JWT_ADMIN_ROLE",
        value_delimiter = ',',
        default_value = "owner,admin",
        value_name = "ROLE"
    )]
    pub admin_roles: Vec<String>,
    /// Organization role with all permissions except `manage`; repeatable. Other roles have no permissions
    #[arg(
        long = "jwt-member-role",
        env = "CHATGRAPH_JWT_MEMBER_ROLE",
        value_delimiter = ',',
        default_value = "member",
        value_name = "ROLE"
    )]
    pub member_roles: Vec<String>,
    /// Platform role with all permissions in the organization that the JWT names; repeatable
    #[arg(
        long = "jwt-platform-admin-role",
        env = "CHATGRAPH_JWT_PLATFORM_ADMIN_ROLE",
        value_delimiter = ',',
        default_value = "super_admin",
        value_name = "ROLE"
    )]
    pub platform_admin_roles: Vec<String>,
}

/// Accepted login tokens, and the meaning of their claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtConfig {
    /// URL of the JSON Web Key Set.
    pub jwks_url: String,
    /// CAs that verify its server; the public ones if `None`.
    pub jwks_roots: Option<RootCertificates>,
    /// Required `iss` claim.
    pub issuer: String,
    /// Accepted `aud` values.
    pub audiences: Vec<String>,
    /// Claims that determine the organization and the permissions.
    pub claims: Claims,
}

impl LoginArgs {
    /// Returns the verification of login tokens; `None` without --jwks-url. Reads the file with the CA certificates.
    ///
    /// # Errors
    /// [`Error`] if a flag is missing or invalid.
    pub fn verification(self) -> Result<Option<JwtConfig>, Error> {
        let audiences: Vec<_> = self.jwt_audience.into_iter().filter(|audience| !audience.is_empty()).collect();
        let Some(jwks_url) = self.jwks_url else {
            return match (self.jwt_issuer, &*audiences) {
                (None, []) if self.jwks_ca_file.is_none() => Ok(None),
                (None, []) => Err(Error::new("jwks-url", "is required with --jwks-ca-file")),
                _ => Err(Error::new("jwks-url", "is required with --jwt-issuer and --jwt-audience")),
            };
        };
        let issuer = self.jwt_issuer.filter(|issuer| !issuer.is_empty());
        let issuer = issuer.ok_or_else(|| Error::new("jwt-issuer", "is required with --jwks-url"))?;
        if audiences.is_empty() {
            return Err(Error::new("jwt-audience", "is required with --jwks-url"));
        }
        let uri: Option<Uri> = jwks_url.parse().ok();
        let is_web = |uri: &Uri| ["http", "https"].contains(&uri.scheme_str().unwrap_or_default());
        if !uri.as_ref().is_some_and(|uri| is_web(uri) && uri.host().is_some_and(|host| !host.is_empty())) {
            return Err(Error::new("jwks-url", "expected https://HOST/PATH, or http:// inside a trusted network"));
        }
        let jwks_roots = self.jwks_ca_file.map(|file| {
            let wrong = |cause| Error::new("jwks-ca-file", format!("{} {cause}", file.display()));
            RootCertificates::read(&file).map_err(wrong)
        });
        let jwks_roots = jwks_roots.transpose()?;
        if jwks_roots.is_some() && uri.is_none_or(|uri| uri.scheme_str() != Some("https")) {
            return Err(Error::new("jwks-ca-file", "requires --jwks-url to be an https:// URL"));
        }
        Ok(Some(JwtConfig { jwks_url, jwks_roots, issuer, audiences, claims: self.claims.checked()? }))
    }
}

impl Claims {
    /// Checks the names of the claims, and removes empty roles.
    fn checked(mut self) -> Result<Self, Error> {
        let claims = [
            ("jwt-organization-claim", &self.organization),
            ("jwt-organization-role-claim", &self.organization_role),
            ("jwt-platform-role-claim", &self.platform_role),
        ];
        if let Some((flag, _)) = claims.into_iter().find(|(_, claim)| claim.is_empty()) {
            return Err(Error::new(flag, "must not be empty"));
        }
        for roles in [&mut self.admin_roles, &mut self.member_roles, &mut self.platform_admin_roles] {
            roles.retain(|role| !role.is_empty());
        }
        Ok(self)
    }
}
