//! A queue in which nobody's work holds up the work of others: those who have work take turns, and each may occupy a part
//! of the threads only.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::StoreError;

/// How much work may wait.
const WAITING_MAX: usize = 1024;
/// How much work of one owner may wait, where owners take turns.
const WAITING_OF_ONE_MAX: usize = 256;
/// After waiting for so long, work is refused: who asked has probably gone, and later work would wait as long.
const PATIENCE: Duration = Duration::from_secs(5);
/// As [`PATIENCE`], while work has waited without a break for [`OVERLOADED_AFTER`]. The queue is then short, and so the
/// service recovers as soon as less comes in.
const PATIENCE_OVERLOADED: Duration = Duration::from_millis(500);
/// How long a queue may stay occupied before that is an overload.
const OVERLOADED_AFTER: Duration = Duration::from_secs(1);

/// Who may occupy how many threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// First come, first served.
    None,
    /// The owners take turns, and each has at most so many threads at work.
    Turns(usize),
}

/// Work that was taken; the thread gives it back with [`FairQueue::done`].
pub(crate) struct Taken<T> {
    pub(crate) work: T,
    pub(crate) owner: i64,
    /// Whether it has waited for longer than makes sense.
    pub(crate) is_late: bool,
}

struct Waiting<T> {
    work: T,
    since: Instant,
}

struct State<T> {
    /// The waiting work of each owner, oldest first; never empty.
    waiting: HashMap<i64, VecDeque<Waiting<T>>>,
    /// The owners with waiting work, in the order of their turns.
    turns: VecDeque<i64>,
    /// How many threads work for each owner.
    at_work: HashMap<i64, usize>,
    len: usize,
    /// Since when there has always been waiting work.
    occupied_since: Option<Instant>,
    is_closed: bool,
}

pub(crate) struct FairQueue<T> {
    state: Mutex<State<T>>,
    wake: Condvar,
    sharing: Sharing,
}

impl<T> FairQueue<T> {
    pub(crate) fn new(sharing: Sharing) -> FairQueue<T> {
        let state = State {
            waiting: HashMap::new(),
            turns: VecDeque::new(),
            at_work: HashMap::new(),
            len: 0,
            occupied_since: None,
            is_closed: false,
        };
        FairQueue { state: Mutex::new(state), wake: Condvar::new(), sharing }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn threads_of_one(&self) -> usize {
        match self.sharing {
            Sharing::None => usize::MAX,
            Sharing::Turns(threads) => threads,
        }
    }

    /// Adds work of an owner.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when too much waits; [`StoreError::Unavailable`] once the queue is closed.
    pub(crate) fn push(&self, owner: i64, work: T) -> Result<(), StoreError> {
        let owner = if self.sharing == Sharing::None { 0 } else { owner };
        let mut state = self.state();
        if state.is_closed {
            return Err(StoreError::Unavailable("shutting down".into()));
        }
        let own_max = if self.sharing == Sharing::None { WAITING_MAX } else { WAITING_OF_ONE_MAX };
        if state.len >= WAITING_MAX || state.waiting.get(&owner).is_some_and(|own| own.len() >= own_max) {
            return Err(StoreError::Busy);
        }
        let since = Instant::now();
        state.occupied_since.get_or_insert(since);
        state.len += 1;
        let own = state.waiting.entry(owner).or_default();
        own.push_back(Waiting { work, since });
        if own.len() == 1 {
            state.turns.push_back(owner);
        }
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Takes the next work; waits for it. `None` once the queue is closed and empty.
    pub(crate) fn take(&self) -> Option<Taken<T>> {
        let mut state = self.state();
        loop {
            if let Some(taken) = self.next(&mut state) {
                return Some(taken);
            }
            if state.is_closed && state.len == 0 {
                return None;
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn next(&self, state: &mut State<T>) -> Option<Taken<T>> {
        let most = self.threads_of_one();
        let is_free = |owner: &i64| state.at_work.get(owner).is_none_or(|threads| *threads < most);
        let at = state.turns.iter().position(is_free)?;
        let owner = state.turns.remove(at)?;
        let own = state.waiting.get_mut(&owner)?;
        let Waiting { work, since } = own.pop_front()?;
        if own.is_empty() {
            state.waiting.remove(&owner);
        } else {
            state.turns.push_back(owner);
        }
        state.len -= 1;
        let is_overloaded = state.occupied_since.is_some_and(|since| since.elapsed() > OVERLOADED_AFTER);
        if state.len == 0 {
            state.occupied_since = None;
        }
        *state.at_work.entry(owner).or_default() += 1;
        let patience = if is_overloaded { PATIENCE_OVERLOADED } else { PATIENCE };
        // Where owners take turns, work has a deadline of its own and may wait for it.
        let is_late = self.sharing == Sharing::None && since.elapsed() > patience;
        Some(Taken { work, owner, is_late })
    }

    /// Notes that the work of an owner is done.
    pub(crate) fn done(&self, owner: i64) {
        let mut state = self.state();
        if let Some(threads) = state.at_work.get_mut(&owner) {
            *threads -= 1;
            if *threads == 0 {
                state.at_work.remove(&owner);
            }
        }
        drop(state);
        // Its owner's next work may have waited for this.
        self.wake.notify_one();
    }

    /// Closes the queue to new work.
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
        self.wake.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(queue: &FairQueue<i64>) -> Option<(i64, i64)> {
        let mut state = queue.state();
        queue.next(&mut state).map(|taken| (taken.owner, taken.work))
    }

    #[test]
    fn owners_take_turns_and_none_has_all_threads() {
        let queue = FairQueue::new(Sharing::Turns(2));
        for work in 0..5 {
            queue.push(1, work).unwrap();
        }
        assert_eq!([take(&queue), take(&queue)], [Some((1, 0)), Some((1, 1))]);
        assert_eq!(take(&queue), None, "a thread is left for others");
        for (owner, work) in [(2, 20), (2, 21), (3, 30)] {
            queue.push(owner, work).unwrap();
        }
        assert_eq!([take(&queue), take(&queue)], [Some((2, 20)), Some((3, 30))]);
        queue.done(1);
        assert_eq!(take(&queue), Some((1, 2)));
        queue.done(1);
        assert_eq!(take(&queue), Some((2, 21)), "it is the other's turn");
        assert_eq!(take(&queue), Some((1, 3)));
    }

    #[test]
    fn one_owner_cannot_fill_the_queue() {
        let queue = FairQueue::new(Sharing::Turns(1));
        for work in 0..WAITING_OF_ONE_MAX {
            queue.push(1, work).unwrap();
        }
        assert!(matches!(queue.push(1, 0), Err(StoreError::Busy)));
        queue.push(2, 0).unwrap();
        let queue = FairQueue::new(Sharing::None);
        for work in 0..WAITING_MAX {
            queue.push(1, work).unwrap();
        }
        assert!(matches!(queue.push(2, 0), Err(StoreError::Busy)));
    }

    /// Makes all that waits, and the queue, older.
    fn age(queue: &FairQueue<i64>, by: Duration) {
        let mut state = queue.state();
        for waiting in state.waiting.values_mut().flatten() {
            waiting.since -= by;
        }
        state.occupied_since = state.occupied_since.map(|since| since.checked_sub(by).unwrap());
    }

    #[test]
    fn what_waited_too_long_is_late_and_sooner_so_in_an_overload() {
        let queue = FairQueue::new(Sharing::None);
        let is_late = || {
            let mut state = queue.state();
            queue.next(&mut state).map(|taken| taken.is_late)
        };
        queue.push(1, 1).unwrap();
        queue.push(1, 2).unwrap();
        age(&queue, PATIENCE_OVERLOADED + Duration::from_millis(100));
        assert_eq!(is_late(), Some(false), "a burst is no overload");
        age(&queue, OVERLOADED_AFTER);
        queue.push(1, 3).unwrap();
        assert_eq!(is_late(), Some(true));
        assert_eq!(is_late(), Some(false), "it has just come");
        queue.push(1, 4).unwrap();
        age(&queue, PATIENCE_OVERLOADED + Duration::from_millis(100));
        assert_eq!(is_late(), Some(false), "the queue was empty: the overload is over");
        queue.push(1, 5).unwrap();
        age(&queue, PATIENCE + Duration::from_millis(100));
        assert_eq!(is_late(), Some(true));
        assert_eq!(is_late(), None);
    }

    #[test]
    fn a_closed_queue_ends_its_threads() {
        let queue = FairQueue::new(Sharing::Turns(1));
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        let mut done = 0;
                        while let Some(taken) = queue.take() {
                            done += taken.work;
                            queue.done(taken.owner);
                        }
                        done
                    })
                })
                .collect();
            for number in 0..100 {
                queue.push(number % 3, 1).unwrap();
            }
            queue.close();
            assert!(matches!(queue.push(1, 1), Err(StoreError::Unavailable(_))));
            assert_eq!(threads.into_iter().map(|thread| thread.join().unwrap()).sum::<i64>(), 100);
        });
    }
}
