//! Login tokens: JWTs that a frontend signs for its people.

use std::path::PathBuf;

use clap::Args;

/// Whose tokens count, and what they say.
#[derive(Debug, Args)]
#[command(next_help_heading = "Login tokens")]
pub struct LoginArgs {
    /// Where the frontend's public keys are, a JSON Web Key Set: `https://HOST/PATH`. With it, JWTs that these keys signed
    /// are taken as tokens of people, beside api-keys; needs --jwt-issuer and --jwt-audience
    #[arg(long, env = "CHATGRAPH_JWKS_URL", value_name = "URL")]
    pub jwks_url: Option<String>,
    /// CA certificates in PEM that the server of --jwks-url is verified with, instead of the public CAs
    #[arg(long, env = "CHATGRAPH_JWKS_CA_FILE", value_name = "FILE")]
    pub jwks_ca_file: Option<PathBuf>,
    /// Who has to have signed a JWT: its claim `iss`, to the letter
    #[arg(long, env = "CHATGRAPH_JWT_ISSUER", value_name = "ISSUER")]
    pub jwt_issuer: Option<String>,
    /// For whom a JWT has to be: one of its claim `aud`, to the letter; may be repeated, any of them will do
    #[arg(long, env = "CHATGRAPH_JWT_AUDIENCE", value_delimiter = ',', value_name = "AUDIENCE")]
    pub jwt_audience: Vec<String>,
    /// The claim with the id of the organization whose chats a JWT opens; without it the JWT opens none
    #[arg(
        long,
        env = "CHATGRAPH_JWT_ORGANIZATION_CLAIM",
        default_value = "activeOrganizationId",
        value_name = "CLAIM"
    )]
    pub jwt_organization_claim: String,
    /// The claim with the person's role in that organization
    #[arg(long, env = "CHATGRAPH_JWT_ORGANIZATION_ROLE_CLAIM", default_value = "orgRole", value_name = "CLAIM")]
    pub jwt_organization_role_claim: String,
    /// The claim with the person's role above all organizations
    #[arg(long, env = "CHATGRAPH_JWT_PLATFORM_ROLE_CLAIM", default_value = "role", value_name = "CLAIM")]
    pub jwt_platform_role_claim: String,
    /// Role in the organization that may everything in it; may be repeated
    #[arg(
        long,
        env = "CHATGRAPH_JWT_ADMIN_ROLE",
        value_delimiter = ',',
        default_value = "owner,admin",
        value_name = "ROLE"
    )]
    pub jwt_admin_role: Vec<String>,
    /// Role in the organization that may read, send and listen, and not manage; may be repeated. Any other role may
    /// nothing
    #[arg(
        long,
        env = "CHATGRAPH_JWT_MEMBER_ROLE",
        value_delimiter = ',',
        default_value = "member",
        value_name = "ROLE"
    )]
    pub jwt_member_role: Vec<String>,
    /// Role above all organizations that may everything in the one that the JWT names; may be repeated
    #[arg(
        long,
        env = "CHATGRAPH_JWT_PLATFORM_ADMIN_ROLE",
        value_delimiter = ',',
        default_value = "super_admin",
        value_name = "ROLE"
    )]
    pub jwt_platform_admin_role: Vec<String>,
}
