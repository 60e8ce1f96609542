//! Who makes the pictures: an engine for each device that is named. Where one's device fails (it has no room, stopped
//! answering, is not there), it makes no more as long as another is left.

use crossbeam_channel::{Receiver, Select};

use crate::engine::cache::Cache;
use crate::engine::worker::Engine;
use crate::link::{DeviceChoice, Event};

/// An engine with the device that it computes on.
struct Hand {
    engine: Engine,
    device: DeviceChoice,
    /// Whether its device has failed.
    gone: bool,
}

/// All engines of a run. What failed in one run is not tried again in the next.
pub struct Crew {
    hands: Vec<Hand>,
}

/// What happens next.
pub(super) enum Next {
    /// Somebody wants it to end.
    Stop,
    /// The engine of that number tells something; none where it has ended.
    Told(usize, Option<Event>),
}

impl Crew {
    /// An engine for each device; one that is named twice has two. They find each other's inversions in the cache.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(devices: &[DeviceChoice], cache: &Cache) -> std::io::Result<Self> {
        let hand = |device: &DeviceChoice| {
            let engine = Engine::start(cache.clone(), || ())?;
            Ok::<_, std::io::Error>(Hand { engine, device: *device, gone: false })
        };
        Ok(Self { hands: devices.iter().map(hand).collect::<std::io::Result<_>>()? })
    }

    /// How many engines there are, those included whose devices have failed.
    pub fn len(&self) -> usize {
        self.hands.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.hands.is_empty()
    }

    pub(super) fn engine(&self, hand: usize) -> &Engine {
        &self.hands[hand].engine
    }

    pub(super) fn device(&self, hand: usize) -> DeviceChoice {
        self.hands[hand].device
    }

    /// Those whose devices have not failed.
    pub(super) fn present(&self) -> impl Iterator<Item = usize> {
        self.hands.iter().enumerate().filter(|(_, hand)| !hand.gone).map(|(index, _)| index)
    }

    /// Takes one out, if another one is left. Says whether it did.
    pub(super) fn dismiss(&mut self, hand: usize) -> bool {
        let others = self.present().any(|other| other != hand);
        self.hands[hand].gone |= others;
        others
    }

    /// Waits for what these have to tell, or for somebody who wants it to end.
    ///
    /// # Errors
    /// In words, where nobody can say any more that it shall end.
    pub(super) fn wait(&self, at_work: &[usize], interrupts: &Receiver<()>) -> Result<Next, String> {
        let mut select = Select::new();
        for hand in at_work {
            select.recv(self.engine(*hand).events());
        }
        let stop = select.recv(interrupts);
        let ready = select.select();
        let at = ready.index();
        if at == stop {
            let told = ready.recv(interrupts);
            return told.map(|()| Next::Stop).map_err(|_| "nobody listens to Ctrl+C any more".to_owned());
        }
        // They were given in this order.
        let hand = at_work[at];
        Ok(Next::Told(hand, ready.recv(self.engine(hand).events()).ok()))
    }
}
