//! `{"tokens": […]}`: a whole token a hash, written as a stream.
//!
//! With ML-DSA cosignatures a token has some 20 kB, and 1,024 of them 20 MB: each is made when the connection has
//! room for it.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use treering_tlog::{hash::Hash, kernel::leaf_hashes, tree::MemoryTree};
use treering_token::{layer::Layer, token::Token};

use super::{receipts::TokenAnswer, refusal::Refusal};

/// The body of a 200 for these commitments, in their order.
///
/// # Errors
/// [`Refusal::Internal`] if a token can't be made, found before the first byte is written.
pub(super) fn stream(receipt: &Token, root: Hash, small: Arc<[[u8; 32]]>) -> Result<Body, Refusal> {
    let tokens = Tokens { receipt: receipt.clone(), root, tree: MemoryTree::new(leaf_hashes(&small)), small };
    // The first leaf has the longest path of all: if its token can be made, each can.
    tokens.token(0).ok_or(Refusal::Internal)?;
    let parts = stream::unfold((tokens, 0), async |(tokens, index)| {
        let part = tokens.part(index)?;
        Some((Ok::<_, std::convert::Infallible>(part), (tokens, index + 1)))
    });
    Ok(Body::from_stream(parts))
}

#[derive(Debug)]
struct Tokens {
    receipt: Token,
    root: Hash,
    tree: MemoryTree,
    small: Arc<[[u8; 32]]>,
}

impl Tokens {
    /// One element with what stands before it, then the end, then nothing.
    fn part(&self, index: usize) -> Option<Bytes> {
        let before = if index == 0 { "{\"tokens\":[" } else { "," };
        match self.small.get(index) {
            Some(hash) => {
                let token = self.token(index)?;
                let element = TokenAnswer::announced(self.root, Hash::new(*hash)).with_token(&token);
                let element = serde_json::to_string(&element).expect("a struct of strings is JSON");
                Some(format!("{before}{element}").into())
            }
            None if index == self.small.len() => Some(Bytes::from_static(b"]}")),
            None => None,
        }
    }

    fn token(&self, index: usize) -> Option<Token> {
        let path = self.tree.path(index as u64)?;
        let layer = Layer::from_path(path).ok()?;
        self.receipt.below(layer, None, None, None).ok()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use treering_tlog::{
        checkpoint::{Checkpoint, Origin},
        note::{KeyName, SigningKey},
        time::UnixMillis,
        tree::TreeHead,
    };
    use treering_token::entry::Entry;

    use super::*;

    /// A receipt that says nothing true, but has its form.
    fn receipt(root: Hash) -> Token {
        let name = "log.example/a";
        let key = SigningKey::from_seed(KeyName::new(name).unwrap(), &[1; 32]);
        let checkpoint =
            Checkpoint { origin: Origin::new(name).unwrap(), head: TreeHead::EMPTY, extensions: vec![] };
        let layer = Layer::new(0, Vec::new()).unwrap();
        let entry = Entry::new(UnixMillis::new(1 << 40).unwrap(), layer.root(&root), 1).unwrap();
        Token::receipt(entry, layer, 0, Vec::new(), checkpoint.sign(&key))
    }

    #[tokio::test]
    async fn each_hash_gets_a_token_that_leads_to_the_batch() {
        let small: Arc<[[u8; 32]]> = (0..5).map(|i| [i; 32]).collect();
        let root = MemoryTree::new(leaf_hashes(&small)).root();
        let receipt = receipt(root);
        let body = stream(&receipt, root, small.clone()).unwrap().collect().await.unwrap().to_bytes();
        let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let tokens = answer["tokens"].as_array().unwrap();
        assert_eq!(tokens.len(), 5);
        for (hash, element) in small.iter().zip(tokens) {
            let hash = Hash::new(*hash);
            assert_eq!(element["hash"], hash.to_string());
            assert_eq!(element["url"], format!("/v1/receipts/{root}/tokens/{hash}"));
            let token = Token::parse(element["token"].as_str().unwrap().as_bytes()).unwrap();
            assert_eq!(token.layers().root(&hash), receipt.entry().batch_root());
        }
    }
}
