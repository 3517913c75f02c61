//! The network between log, witnesses and clients: what is sent may be lost, late or there twice, and so may the answer.

use crate::{executor::WORLD, world::World};
use futures_util::future::BoxFuture;
use std::{
    sync::{Arc, Mutex, Weak},
    time::Duration,
};
use tokio::sync::mpsc;
use treering_log::{log::Log, witness_client::WitnessError, witnesses::Witnesses};
use treering_tlog::{note::Signature, witness::AddCheckpoint};

/// How bad the network is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    /// Of a hundred messages or answers, so many are lost.
    pub(crate) lost: u64,
    /// So many are late, by up to ten seconds.
    pub(crate) late: u64,
    /// So many requests come twice.
    pub(crate) twice: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Net {
    pub(crate) weather: Mutex<Weather>,
    /// The witnesses that can't be reached.
    pub(crate) cut_off: Mutex<[bool; crate::world::WITNESSES]>,
}

impl World {
    /// How long a message takes; `None` if it never comes.
    fn passage(&self) -> Option<Duration> {
        let weather = *self.net.weather.lock().unwrap();
        if self.dice.percent(weather.lost) {
            return None;
        }
        let late = self.dice.percent(weather.late);
        Some(Duration::from_millis(if late {
            self.dice.between(100, 10_000)
        } else {
            self.dice.between(0, 30)
        }))
    }

    /// How often a request comes.
    fn times(&self) -> u64 {
        1 + u64::from(self.dice.percent(self.net.weather.lock().unwrap().twice))
    }

    /// Sends a request and waits for the first answer: `carry` does what the other side does, and says `None` if it is
    /// not there. `None` when no answer came in time.
    pub(crate) async fn exchange<T, F>(
        self: &Arc<World>,
        patience: Duration,
        carry: impl Fn(mpsc::Sender<T>) -> F,
    ) -> Option<T>
    where
        T: Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let (reply, mut answer) = mpsc::channel(2);
        for _ in 0..self.times() {
            let Some(passage) = self.passage() else { continue };
            let (wait, carried) = (self.executor.sleep(passage), carry(reply.clone()));
            self.executor.spawn(WORLD, async move {
                wait.await;
                carried.await;
            });
        }
        tokio::select! {
            biased;
            answer = answer.recv() => answer,
            () = self.executor.sleep(patience) => None,
        }
    }

    /// The answer's way back.
    pub(crate) fn send_back<T: Send + 'static>(self: &Arc<World>, reply: mpsc::Sender<T>, answer: T) {
        let Some(passage) = self.passage() else { return };
        let wait = self.executor.sleep(passage);
        self.executor.spawn(WORLD, async move {
            wait.await;
            let _ = reply.try_send(answer);
        });
    }

    /// A client's call of the log. `None`: no answer, and whether it was done nobody knows.
    pub(crate) async fn call<T, F>(
        self: &Arc<World>,
        call: impl Fn(Log) -> F + Clone + Send + 'static,
    ) -> Option<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let patience = Duration::from_secs(8);
        self.exchange(patience, |reply| {
            let (world, call) = (Arc::clone(self), call.clone());
            async move {
                let Some((node, log)) = world.running_log() else { return };
                let at = Arc::clone(&world);
                world.executor.spawn(node, async move {
                    let answer = call(log).await;
                    at.send_back(reply, answer);
                });
            }
        })
        .await
    }

    /// A request of the log, or of whoever has its key, to a witness.
    pub(crate) async fn ask(
        self: &Arc<World>,
        witness: usize,
        message: &AddCheckpoint,
    ) -> Result<Vec<Signature>, WitnessError> {
        let body = message.to_string();
        let answer = self.exchange(self.witness_timeout, |reply| {
            let (world, body) = (Arc::clone(self), body.clone());
            async move {
                if world.net.cut_off.lock().unwrap()[witness] {
                    return;
                }
                let there = &world.witnesses[witness];
                let Some((node, cosigner)) = there.running(&world.executor) else {
                    let refused = WitnessError::Unavailable("connection refused".to_owned());
                    return world.send_back(reply, Err(refused));
                };
                let at = Arc::clone(&world);
                world.executor.spawn(node, async move {
                    let answer = at.witnesses[witness].answer(&at, &cosigner, body.as_bytes()).await;
                    at.send_back(reply, answer);
                });
            }
        });
        answer.await.unwrap_or_else(|| Err(WitnessError::Unavailable("no answer in time".to_owned())))
    }
}

/// The network as the log sees it.
#[derive(Debug)]
pub(crate) struct ToWitnesses(pub(crate) Weak<World>);

impl Witnesses for ToWitnesses {
    fn add_checkpoint<'a>(
        &'a self,
        url: &'a str,
        message: &'a AddCheckpoint,
    ) -> BoxFuture<'a, Result<Vec<Signature>, WitnessError>> {
        let witness = url.trim_start_matches("http://w").trim_end_matches(".example").parse();
        let witness: usize = witness.expect("the policy's own URLs");
        Box::pin(async move {
            let world = self.0.upgrade().expect("the world outlives the log");
            world.ask(witness, message).await
        })
    }
}
