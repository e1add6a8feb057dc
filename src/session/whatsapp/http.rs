//! HTTP client for the library: files of history and app state, and the latest version number.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::time::timeout;
use whatsapp_rust::{
    anyhow,
    http::{HttpClient, HttpRequest, HttpResponse, UreqHttpClient},
};

use super::answers::Answers;

/// Status of a successful download.
const OK: u16 = 200;

/// Wraps the library's HTTP client with a time limit, and redirects WhatsApp's file servers to a sandbox if there is
/// one.
pub(super) struct Http {
    client: UreqHttpClient,
    limit: Duration,
    media: Option<String>,
    answers: Arc<Answers>,
}

impl Http {
    /// Creates a client in which each exchange ends within `limit`. With `media`, that URL replaces every host.
    /// `answers` store the files that they refer to.
    pub(super) fn new(limit: Duration, media: Option<String>, answers: Arc<Answers>) -> Self {
        Self { client: UreqHttpClient::new(), limit, media, answers }
    }
}

#[async_trait]
impl HttpClient for Http {
    async fn execute(&self, mut request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let url = request.url.clone();
        if let Some(media) = &self.media {
            request.url = moved(&request.url, media)?;
        }
        let response = timeout(self.limit, self.client.execute(request)).await??;
        if response.status_code == OK {
            self.answers.file(&url, &response.body);
        }
        Ok(response)
    }
}

/// Returns `https://HOST/path?query` with `base` instead of the host.
fn moved(url: &str, base: &str) -> anyhow::Result<String> {
    let path = url
        .split_once("://")
        .and_then(|(_, rest)| rest.find('/').map(|start| &rest[start..]))
        .ok_or_else(|| anyhow::anyhow!("a file's URL has no path"))?;
    Ok(format!("{base}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_host_is_replaced() {
        let there = moved("https://mock.invalid/v/t62.7118-24/1?auth=A&token=T", "http://127.0.0.1:7000/media");
        assert_eq!(there.unwrap(), "http://127.0.0.1:7000/media/v/t62.7118-24/1?auth=A&token=T");
        assert!(moved("https://mock.invalid", "http://127.0.0.1:7000/media").is_err());
    }
}
