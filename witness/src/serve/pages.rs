//! What the admin listener shows of a witness.
//!
//! Ready means that a good request would be cosigned: the store works and is not an old one, and the clock is not behind.
//! What is wrong stands in the body, one line each.

use super::App;
use crate::{admin::Pages, cosigner::Comparison};

impl Pages for App {
    fn metrics(&self) -> String {
        for record in self.cosigner.records() {
            self.metrics.cosigned(&record);
        }
        let comparisons = self.cosigner.comparisons();
        let logs = self.cosigner.logs();
        let unchecked = |origin| matches!(comparisons.get(origin), Comparison::Unchecked(_));
        self.metrics.compared(
            logs.iter().filter(|(origin, _)| unchecked(origin)).count(),
            logs.iter().filter(|(origin, _)| !comparisons.may_sign(origin)).count(),
        );
        self.metrics.encode()
    }

    fn ready(&self) -> Result<String, String> {
        let mut wrong = String::new();
        if let Some(failure) = &*self.cosigner.failure().borrow() {
            wrong.push_str(&format!("store: {failure}\n"));
        }
        if let Err(error) = self.cosigner.check_clock() {
            wrong.push_str(&format!("clock: {error}\n"));
        }
        if self.cosigner.comparisons().rolled_back() {
            wrong.push_str("records: older than what this witness signed; see `treering-witness list`\n");
        }
        if wrong.is_empty() {
            Ok(format!("ready: {} logs\n", self.cosigner.logs().len()))
        } else {
            Err(wrong)
        }
    }
}
