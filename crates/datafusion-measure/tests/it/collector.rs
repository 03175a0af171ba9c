//! A collector of spans for tests: OTLP over HTTP, one endpoint, every request kept.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// A collector of one endpoint: gives every request it got, head and body, and answers with 200.
pub async fn collector() -> (String, mpsc::UnboundedReceiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let (send, receive) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let send = send.clone();
            tokio::spawn(async move {
                let mut data = Vec::new();
                let mut buffer = [0; 4096];
                loop {
                    let read = stream.read(&mut buffer).await.unwrap_or(0);
                    if read == 0 {
                        return;
                    }
                    data.extend_from_slice(&buffer[..read]);
                    let Some(end) = data.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
                    let head = String::from_utf8_lossy(&data[..end]).to_lowercase();
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                    let length: usize = length.trim().parse().unwrap();
                    if data.len() < end + 4 + length {
                        continue;
                    }
                    let body = data.drain(..end + 4 + length).skip(end + 4).collect();
                    let _ = send.send((head, body));
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
                    stream.write_all(answer).await.unwrap();
                }
            });
        }
    });
    (address, receive)
}

/// Heads and bodies of all requests so far.
pub async fn sent(requests: &mut mpsc::UnboundedReceiver<(String, Vec<u8>)>) -> (Vec<String>, Vec<u8>) {
    let (mut bytes, mut heads) = (Vec::new(), Vec::new());
    while let Ok(Some((head, body))) = tokio::time::timeout(Duration::from_millis(200), requests.recv()).await
    {
        bytes.extend(body);
        heads.push(head);
    }
    (heads, bytes)
}

pub fn assert_has(bytes: &[u8], names: &[&str]) {
    for name in names {
        let there = bytes.windows(name.len()).any(|window| window == name.as_bytes());
        assert!(there, "{name} is not among the {} bytes that were sent", bytes.len());
    }
}
