//! TCP connection to WhatsApp with `TCP_NODELAY`. The library's own transport holds a second small packet back until
//! the first is acknowledged. The peer delays the acknowledgement by 40 ms, and with it each message.

use std::sync::Arc;

use http::{HeaderValue, header::ORIGIN};
use tokio::net::TcpStream;
use tokio_websockets::ClientBuilder;
use whatsapp_rust::{
    anyhow, async_channel, async_trait,
    transport::{Connector, Transport, TransportEvent, TransportFactory, default_tls_connector, from_websocket},
    wacore::net::{WHATSAPP_WEB_ORIGIN, WHATSAPP_WEB_WS_URL},
};

/// WhatsApp's host.
const HOST: &str = "web.whatsapp.com";

/// Opens connections to WhatsApp, or to a sandbox.
pub(super) struct Socket {
    url: String,
    /// Host and port.
    address: String,
    /// Name that the certificate must have; `None` for a plaintext connection.
    certified: Option<&'static str>,
}

impl Socket {
    /// Creates a socket to WhatsApp.
    pub(super) fn to_whatsapp() -> Self {
        Self { url: WHATSAPP_WEB_WS_URL.into(), address: format!("{HOST}:443"), certified: Some(HOST) }
    }

    /// Creates a socket to the sandbox at this address.
    pub(super) fn to_sandbox(address: &str) -> Self {
        Self { url: format!("ws://{address}/ws/chat"), address: address.into(), certified: None }
    }
}

#[async_trait]
impl TransportFactory for Socket {
    async fn create_transport(
        &self,
    ) -> Result<(Arc<dyn Transport>, async_channel::Receiver<TransportEvent>), anyhow::Error> {
        let connection = TcpStream::connect(&self.address).await?;
        connection.set_nodelay(true)?;
        let connection = match self.certified {
            Some(host) => default_tls_connector().wrap(host, connection).await?,
            None => Connector::Plain.wrap(&self.address, connection).await?,
        };
        let request = ClientBuilder::new().uri(&self.url)?;
        let request = request.add_header(ORIGIN, HeaderValue::from_static(WHATSAPP_WEB_ORIGIN))?;
        Ok(from_websocket(request.connect_on(connection).await?.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_where_the_url_leads() {
        let socket = Socket::to_whatsapp();
        assert_eq!(socket.url, format!("wss://{}/ws/chat", socket.address.trim_end_matches(":443")));
        assert_eq!(socket.certified, Some(HOST));
    }
}
