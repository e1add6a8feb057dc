//! The program, as an operator starts it.

use crate::support::TestServer;

#[tokio::test]
async fn a_second_server_is_kept_from_the_database() {
    let server = TestServer::start().await;
    // The address is taken, too, so that a second one that gets further ends all the same.
    let address = server.url.trim_start_matches("http://").trim_end_matches("/graphql");
    let second = server.command(&["serve", "--listen", address]);
    let error = String::from_utf8(second.stderr).expect("text");
    assert!(!second.status.success() && error.contains("in use by another chatgraph server"), "{error}");
}
