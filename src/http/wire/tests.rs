//! The real transport against small servers on this machine.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use url::Url;

use super::*;

fn request(port: u16) -> HttpRequest {
    HttpRequest {
        method: Method::Get,
        url: Url::parse(&format!("http://127.0.0.1:{port}/x?secret=1")).unwrap(),
        headers: vec![("accept".into(), "application/json".into())],
        body: Vec::new(),
        limit: 1000,
    }
}

/// Answers each connection with the next of these texts, then closes it.
async fn server(answers: Vec<&'static str>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for text in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut buffer = [0u8; 4096];
            let _ = socket.read(&mut buffer).await;
            let _ = socket.write_all(text.as_bytes()).await;
        }
    });
    port
}

#[tokio::test]
async fn redirects_are_not_followed_and_breaks_are_told_apart() {
    let port = server(vec![
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 50\r\nconnection: close\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ncontent-length: 1001\r\nconnection: close\r\n\r\n0123456789",
        "HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 1\r\nconnection: close\r\n\r\nx",
    ])
    .await;
    let wire = WireTransport::new(&WireOptions::default()).unwrap();
    let answer = wire.send(request(port)).await.unwrap();
    assert_eq!((answer.status, answer.header("Location")), (302, Some("http://127.0.0.1:1/")));
    let reset = wire.send(request(port)).await.unwrap_err();
    assert_eq!((reset.sent, reset.kind), (Sent::Maybe, FailKind::Reset));
    assert!(!reset.message.contains("secret"));
    let half = wire.send(request(port)).await.unwrap_err();
    assert_eq!(half.sent, Sent::Maybe);
    assert!(wire.send(request(port)).await.is_err());
    assert_eq!(wire.send(request(port)).await.unwrap_err().kind, FailKind::Broken);
}

#[tokio::test]
async fn a_refused_connection_proves_that_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let wire = WireTransport::new(&WireOptions::default()).unwrap();
    let error = wire.send(request(port)).await.unwrap_err();
    assert_eq!((error.sent, error.kind), (Sent::NotSent, FailKind::Connect));
}

#[test]
fn a_missing_or_empty_ca_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    let options = WireOptions { roots: Roots::Only(file.clone()), ..WireOptions::default() };
    assert!(WireTransport::new(&options).err().unwrap().contains("cannot be read"));
    std::fs::write(&file, "nothing").unwrap();
    assert!(WireTransport::new(&options).err().unwrap().contains("ca.pem"));
}

/// An authority's PEM and a server for `localhost` that it vouches for, which answers each
/// connection with the same JSON, gzipped.
async fn tls_server() -> (String, u16) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let pem = ca.self_signed(&ca_key).unwrap().pem();
    let mut leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    leaf.is_ca = IsCa::ExplicitNoCa;
    let key = KeyPair::generate().unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::from_params(&ca, &ca_key)).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let Ok(mut socket) = acceptor.accept(socket).await else { continue };
            let mut buffer = [0u8; 4096];
            let n = socket.read(&mut buffer).await.unwrap_or(0);
            let asked = String::from_utf8_lossy(&buffer[..n]).to_ascii_lowercase();
            assert!(
                asked.contains("accept-encoding: gzip") && asked.contains("user-agent: diptych/"),
                "{asked}"
            );
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut gzip, b"{\"ok\":true}").unwrap();
            let body = gzip.finish().unwrap();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = socket.write_all(&[head.as_bytes(), &body].concat()).await;
            let _ = socket.shutdown().await;
        }
    });
    (pem, port)
}

#[tokio::test]
async fn only_a_trusted_authority_and_the_right_name_are_talked_to() {
    let (pem, port) = tls_server().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, pem).unwrap();
    let send = |roots: Roots, host: &str| {
        let wire = WireTransport::new(&WireOptions { roots, ..WireOptions::default() }).unwrap();
        let url = Url::parse(&format!("https://{host}:{port}/x")).unwrap();
        async move { wire.send(HttpRequest { url, ..request(port) }).await }
    };
    for roots in [Roots::Only(file.clone()), Roots::SystemAnd(file.clone())] {
        let answer = send(roots, "localhost").await.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"{\"ok\":true}".as_slice()));
    }
    for (roots, host) in [(Roots::System, "localhost"), (Roots::Only(file.clone()), "127.0.0.1")] {
        let e = send(roots, host).await.unwrap_err();
        assert_eq!((e.sent, e.kind), (Sent::NotSent, FailKind::Tls), "{host}: {}", e.message);
    }
}
