//! Verified names of businesses.

use whatsapp_rust::{
    buffa::Message as _,
    waproto::whatsapp::{VerifiedNameCertificate, verified_name_certificate},
};

use crate::wire::node::{Node, node};

/// Creates the verified name in the messages of a business.
pub(super) fn verified_name(name: &str) -> Node {
    node("verified_name").attr("v", "2").bytes(certificate(name)).build()
}

/// Creates the certificate of the name; its signature is not checked here.
pub(super) fn certificate(name: &str) -> Vec<u8> {
    let details = verified_name_certificate::Details { verified_name: Some(name.to_owned()), ..Default::default() };
    let details = Some(details.encode_to_vec());
    VerifiedNameCertificate { details, ..Default::default() }.encode_to_vec()
}
