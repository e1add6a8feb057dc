//! Login tokens: JWTs that a frontend signs for its users.

use std::path::PathBuf;

use clap::Args;

/// Login token options.
#[derive(Debug, Args)]
#[command(next_help_heading = "Login tokens")]
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
    /// Claim with the id of the organization that a JWT grants access to. A JWT without it grants access to no
    /// organization
    #[arg(
        long,
        env = "CHATGRAPH_JWT_ORGANIZATION_CLAIM",
        default_value = "activeOrganizationId",
        value_name = "CLAIM"
    )]
    pub jwt_organization_claim: String,
    /// Claim with the user's role in that organization
    #[arg(long, env = "CHATGRAPH_JWT_ORGANIZATION_ROLE_CLAIM", default_value = "orgRole", value_name = "CLAIM")]
    pub jwt_organization_role_claim: String,
    /// Claim with the user's platform role, which applies to all organizations
    #[arg(long, env = "CHATGRAPH_JWT_PLATFORM_ROLE_CLAIM", default_value = "role", value_name = "CLAIM")]
    pub jwt_platform_role_claim: String,
    /// Organization role with all permissions; repeatable
    #[arg(
        long,
        env = "CHATGRAPH_JWT_ADMIN_ROLE",
        value_delimiter = ',',
        default_value = "owner,admin",
        value_name = "ROLE"
    )]
    pub jwt_admin_role: Vec<String>,
    /// Organization role with all permissions except `manage`; repeatable. Other roles have no permissions
    #[arg(
        long,
        env = "CHATGRAPH_JWT_MEMBER_ROLE",
        value_delimiter = ',',
        default_value = "member",
        value_name = "ROLE"
    )]
    pub jwt_member_role: Vec<String>,
    /// Platform role with all permissions in the organization that the JWT names; repeatable
    #[arg(
        long,
        env = "CHATGRAPH_JWT_PLATFORM_ADMIN_ROLE",
        value_delimiter = ',',
        default_value = "super_admin",
        value_name = "ROLE"
    )]
    pub jwt_platform_admin_role: Vec<String>,
}
