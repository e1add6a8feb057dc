//! Persisted documents. A client can send the SHA-256 of a document instead of its text, as Apollo's clients do, once
//! the text has been sent with its digest. Alternatively the operator lists the only documents that may be executed.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use async_graphql::{Request, Value};
use graphql_guard::{Digest, DocumentCache};

use super::error::{ApiError, ApiErrorCode};

/// The only documents that may be executed, by the names that clients may use for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedDocuments(HashMap<String, Arc<str>>);

impl TrustedDocuments {
    /// Creates the list from documents by name.
    #[must_use]
    pub fn new(documents: HashMap<String, String>) -> Self {
        Self(documents.into_iter().map(|(name, text)| (name, text.into())).collect())
    }
}

impl TrustedDocuments {
    /// The documents with their names, sorted by name.
    pub(super) fn documents(&self) -> Vec<(&str, &str)> {
        let mut documents: Vec<_> = self.0.iter().map(|(name, text)| (&**name, &**text)).collect();
        documents.sort_unstable();
        documents
    }
}

/// The source of a request's document.
#[derive(Debug)]
pub(super) enum DocumentSource {
    /// The request, or the documents that were recently sent with their digest. All organizations share them safely,
    /// since knowing the digest implies having had the document.
    Any(DocumentCache<Arc<str>>),
    /// The list, by name or by text.
    Listed(TrustedDocuments, HashSet<Arc<str>>),
}

impl DocumentSource {
    pub(super) fn new(trusted: Option<TrustedDocuments>) -> Self {
        match trusted {
            None => Self::Any(DocumentCache::default()),
            Some(trusted) => {
                let texts = trusted.0.values().cloned().collect();
                Self::Listed(trusted, texts)
            }
        }
    }

    /// Puts the text into a request that contains a name or digest only. Rejects a document that may not be executed.
    pub(super) fn find(&self, request: &mut Request) -> Result<(), ApiError> {
        let name = name(request);
        match self {
            Self::Any(recent) => match name {
                Some(name) => by_digest(recent, &name, request),
                None => Ok(()),
            },
            Self::Listed(trusted, texts) => {
                let named = name.filter(|_| request.query.is_empty());
                if let Some(text) = named.and_then(|name| trusted.0.get(&name)) {
                    request.query = text.to_string();
                }
                let refused =
                    || ApiError::new(ApiErrorCode::Forbidden, "this server executes only the documents in its list");
                if texts.contains(&*request.query) { Ok(()) } else { Err(refused()) }
            }
        }
    }
}

/// The name or digest in the request's extensions.
fn name(request: &Request) -> Option<String> {
    let Value::Object(persisted) = request.extensions.get("persistedQuery")? else { return None };
    match persisted.get("sha256Hash")? {
        Value::String(name) => Some(name.clone()),
        _ => None,
    }
}

fn by_digest(recent: &DocumentCache<Arc<str>>, name: &str, request: &mut Request) -> Result<(), ApiError> {
    let wrong = || ApiError::new(ApiErrorCode::ValidationError, "sha256Hash is not the SHA-256 of the query");
    let digest = Digest::from_hex(name).ok_or_else(wrong)?;
    if request.query.is_empty() {
        // Apollo's clients recognize this message, and then send the text too.
        let unknown = || ApiError::new(ApiErrorCode::NotFound, "PersistedQueryNotFound");
        request.query = recent.get(&digest).ok_or_else(unknown)?.to_string();
    } else if Digest::new(&request.query) != digest {
        return Err(wrong());
    } else {
        recent.insert(digest, request.query.len(), request.query.as_str().into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use async_graphql::Variables;
    use serde_json::json;

    use super::*;

    const DIGEST: &str = "4a1cc0d6a5b0f9b5c1a3e0e0b2d9d7b6d5b4c3a29180706050403020100f0e0d";

    fn request(query: &str, name: Option<&str>) -> Request {
        let mut request = Request::new(query).variables(Variables::default());
        let persisted = name.map(|name| json!({"version": 1, "sha256Hash": name}));
        let persisted = persisted.map(|persisted| Value::from_json(persisted).expect("a value"));
        request.extensions.0.extend(persisted.map(|persisted| ("persistedQuery".to_owned(), persisted)));
        request
    }

    fn found(documents: &DocumentSource, query: &str, name: Option<&str>) -> Result<String, ApiErrorCode> {
        let mut request = request(query, name);
        documents.find(&mut request).map(|()| request.query).map_err(|error| error.code)
    }

    fn digest(text: &str) -> String {
        use sha2::Digest as _;
        sha2::Sha256::digest(text).iter().fold(String::new(), |written, byte| format!("{written}{byte:02x}"))
    }

    #[test]
    fn a_document_is_named_after_it_was_sent() {
        let (documents, text) = (DocumentSource::new(None), "{ viewer { kind } }");
        let name = digest(text);
        assert_eq!(found(&documents, "", Some(&name)), Err(ApiErrorCode::NotFound));
        assert_eq!(found(&documents, text, Some(&name)), Ok(text.into()));
        assert_eq!(found(&documents, "", Some(&name)), Ok(text.into()));
        assert_eq!(found(&documents, "{ a }", None), Ok("{ a }".into()));
    }

    #[test]
    fn a_document_with_a_wrong_digest_is_rejected() {
        let documents = DocumentSource::new(None);
        assert_eq!(found(&documents, "{ a }", Some(DIGEST)), Err(ApiErrorCode::ValidationError));
        assert_eq!(found(&documents, "{ a }", Some("x")), Err(ApiErrorCode::ValidationError));
        assert_eq!(found(&documents, "", Some(DIGEST)), Err(ApiErrorCode::NotFound));
    }

    #[test]
    fn a_list_is_all_there_is() {
        let text = "{ viewer { kind } }";
        let documents =
            DocumentSource::new(Some(TrustedDocuments::new(HashMap::from([("who".to_owned(), text.to_owned())]))));
        assert_eq!(found(&documents, "", Some("who")), Ok(text.into()));
        assert_eq!(found(&documents, text, None), Ok(text.into()));
        assert_eq!(found(&documents, text, Some("anything")), Ok(text.into()));
        for (query, name) in [("{ a }", None), ("{ a }", Some("who")), ("", Some("what")), ("", None)] {
            assert_eq!(found(&documents, query, name), Err(ApiErrorCode::Forbidden), "{query} {name:?}");
        }
    }
}
