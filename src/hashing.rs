//! Where passwords are hashed: outside the threads that answer requests, a few at a time, with a bounded queue.
//!
//! The portal and the API each have a lane, so that guesses in the portal do not hold up creates.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

/// Why a lane did not do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LaneError {
    /// Too much work waits already.
    #[error("too many passwords wait to be hashed")]
    Full,
    /// The process is ending.
    #[error("the hashing threads have stopped")]
    Gone,
}

/// A lane of slow work on blocking threads.
#[derive(Debug)]
pub struct HashLane {
    threads: Semaphore,
    /// How much work runs or waits.
    taken: AtomicUsize,
    taken_max: usize,
}

impl HashLane {
    /// A lane that works on `threads` threads at most, while `waiting_max` more pieces of work wait.
    pub fn new(threads: usize, waiting_max: usize) -> HashLane {
        let threads = threads.max(1);
        let taken_max = threads.saturating_add(waiting_max);
        HashLane { threads: Semaphore::new(threads), taken: AtomicUsize::new(0), taken_max }
    }

    /// Whether work would be refused now.
    pub fn is_full(&self) -> bool {
        self.taken.load(Ordering::Relaxed) >= self.taken_max
    }

    /// Runs work on a blocking thread, when its turn comes.
    ///
    /// # Errors
    /// [`LaneError::Full`] if too much waits; [`LaneError::Gone`] if the work panicked or the process is ending.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, LaneError> {
        let _place = Place::take(self).ok_or(LaneError::Full)?;
        let _thread = self.threads.acquire().await.map_err(|_| LaneError::Gone)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| LaneError::Gone)
    }
}

/// A place among the work of a lane; dropped, it is free again.
struct Place<'a>(&'a HashLane);

impl Place<'_> {
    fn take(lane: &HashLane) -> Option<Place<'_>> {
        let more = |taken| (taken < lane.taken_max).then_some(taken + 1);
        lane.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Place(lane))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::*;

    #[tokio::test]
    async fn a_full_lane_refuses_and_is_free_again_afterwards() {
        let lane = Arc::new(HashLane::new(1, 2));
        let (release, released) = mpsc::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let held = tokio::spawn({
            let lane = Arc::clone(&lane);
            async move {
                let work = move || {
                    begun.send(()).unwrap();
                    released.recv().unwrap();
                };
                lane.run(work).await
            }
        });
        begins.await.unwrap();
        let mut waiting: Vec<_> = (0..2)
            .map(|number| {
                Box::pin({
                    let lane = Arc::clone(&lane);
                    async move { lane.run(move || number).await }
                })
            })
            .collect();
        for work in &mut waiting {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(work.as_mut().poll(&mut context).is_pending());
        }
        assert!(lane.is_full());
        assert_eq!(lane.run(|| 7).await, Err(LaneError::Full));
        // One of those that wait goes away.
        drop(waiting.pop());
        assert!(!lane.is_full());
        release.send(()).unwrap();
        held.await.unwrap().unwrap();
        assert_eq!(waiting.pop().unwrap().await, Ok(0));
        assert_eq!(lane.run(|| 7).await, Ok(7));
    }
}
