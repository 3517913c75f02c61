//! What customers and operators ask a running log.

use serde_json::Value;
use treering_tlog::{hash::Hash, tree::TreeSize};
use treering_token::token::Token;

use super::{LogServer, OCTETS, SUBMISSIONS};
use crate::{http::Answer, metrics::Metrics, view, wait};

impl LogServer {
    /// All metrics as they are now.
    pub fn metrics(&self) -> Metrics {
        Metrics::parse(self.admin.get("/metrics").expect_status(200).text())
    }

    /// What the probes show.
    pub fn status(&self) -> Value {
        self.admin.get("/readyz").json()
    }

    /// A number that the probes show.
    pub fn status_number(&self, name: &str) -> Option<u64> {
        self.status()[name].as_u64()
    }

    /// Waits until what is sealed is published and nothing is pending.
    pub fn wait_idle(&self) {
        wait::until("all is published", || {
            let status = self.status();
            let idle = status["pending"] == 0 && status["sealed_size"] == status["published_size"];
            (idle && self.admin.get("/readyz/publish").status == 200).then_some(())
        });
    }

    /// Sends commitments as 32 bytes each.
    #[track_caller]
    pub fn submit(&self, commitments: &[[u8; 32]]) -> Answer {
        self.public.post(SUBMISSIONS, &[("content-type", OCTETS)], commitments.concat())
    }

    /// Sends commitments and waits for their receipt.
    #[track_caller]
    pub fn stamp(&self, commitments: &[[u8; 32]]) -> Token {
        let headers = [("content-type", OCTETS), ("prefer", "wait=30")];
        let answer = self.public.post(SUBMISSIONS, &headers, commitments.concat());
        match answer.status {
            // It may take longer than a client waits.
            202 => self.receipt(&view::root_of(commitments)),
            _ => Token::parse(&answer.expect_status(200).body).expect("a receipt"),
        }
    }

    /// Waits until the receipt of a root is published.
    #[track_caller]
    pub fn receipt(&self, root: &Hash) -> Token {
        let path = format!("/v1/receipts/{root}");
        wait::until(&format!("the receipt {root}"), || {
            let answer = self.public.get(&path);
            match answer.status {
                200 => Some(Token::parse(&answer.body).expect("a receipt")),
                202 => None,
                _ => panic!("{path}: {}", answer.shown()),
            }
        })
    }

    /// The size of the newest published checkpoint: the second line of it.
    pub fn published_size(&self) -> TreeSize {
        let note = self.public.get("/checkpoint").expect_status(200);
        note.text().lines().nth(1).and_then(TreeSize::parse).expect("a size")
    }
}
