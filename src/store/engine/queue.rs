//! The queue of the writers. At most one writer at a time works on a lane. Commands that arrive for it meanwhile form the
//! next batch, instead of a batch that would wait for the lock of the first. Batches have 27 creates instead of 19.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::conn::Conn;
use super::error::StoreError;

/// The most items that may wait; beyond it callers get [`StoreError::Busy`].
const WAITING_MAX: usize = 4_096;

/// How long a command may wait, for a writer or for its lane's lock.
pub(crate) const PATIENCE: Duration = Duration::from_millis(5_500);

/// A change of settings, tokens or keys, in a transaction of its own. It returns whether the connection is still usable.
pub(crate) type AdminTask = Box<dyn FnOnce(Result<&mut Conn, StoreError>) -> bool + Send>;

/// A command, and the caller that waits for its answer.
pub(crate) struct Job<C, A> {
    /// Commands of one lane change the same rows.
    pub lane: i64,
    pub command: Box<C>,
    pub reply: oneshot::Sender<Result<A, StoreError>>,
    /// Whether an earlier batch left it out because another process had locked its lane.
    pub was_left: bool,
    pub queued_at: Instant,
    /// As how many commands it counts in a batch.
    pub weight: usize,
}

impl<C, A> Job<C, A> {
    fn give_up(self) {
        let why = "the command waited too long for a writer or for its entrypoint's lock";
        drop(self.reply.send(Err(StoreError::Unavailable(why.into()))));
    }
}

/// The next work of a writer.
pub(crate) enum Work<C, A> {
    Batch(Vec<Job<C, A>>),
    Admin(AdminTask),
    /// Nothing arrived in time.
    Nothing,
    /// The queue is closed and empty.
    End,
}

enum Item<C, A> {
    Job(Job<C, A>),
    Admin(AdminTask),
}

struct State<C, A> {
    items: VecDeque<Item<C, A>>,
    /// The lanes that writers hold.
    held: Vec<i64>,
    /// How many writers wait.
    idle: usize,
    /// Whether one of them was notified and does not run yet.
    is_waking: bool,
    is_closed: bool,
    /// Since when items wait and no writer took any.
    waits_since: Option<Instant>,
}

impl<C, A> State<C, A> {
    fn is_free(&self, item: &Item<C, A>) -> bool {
        match item {
            Item::Job(job) => !self.held.contains(&job.lane),
            Item::Admin(_) => true,
        }
    }

    fn has_free(&self) -> bool {
        self.items.iter().any(|item| self.is_free(item))
    }

    /// Whether the caller must wake a writer for a free item.
    fn must_wake(&mut self) -> bool {
        let must = self.idle > 0 && !self.is_waking;
        self.is_waking |= must;
        must
    }

    /// The oldest free item; for a command, all free ones up to the next admin task, of as much weight as a batch may have. What
    /// would make it too heavy waits for the next batch, and lighter ones that came later go first: a create does not wait for
    /// all transactions that came before it. Commands that an earlier batch left
    /// out get a batch of their own for each lane: its writer waits for that lock, and the others must not wait with it.
    fn next(&mut self, most: usize) -> Option<Work<C, A>> {
        let first = self.items.iter().position(|item| self.is_free(item))?;
        let mut jobs = Vec::new();
        let mut weight = 0;
        let mut rest = self.items.split_off(first).into_iter();
        for item in rest.by_ref() {
            match item {
                Item::Admin(action) if jobs.is_empty() => {
                    self.items.extend(rest);
                    return Some(Work::Admin(action));
                }
                Item::Job(job) if !self.held.contains(&job.lane) => {
                    let is_of_another = |first: &Job<C, A>| {
                        first.was_left != job.was_left || first.was_left && first.lane != job.lane
                    };
                    if jobs.first().is_some_and(is_of_another) {
                        self.items.push_back(Item::Job(job));
                        break;
                    }
                    if !jobs.is_empty() && job.weight > 1 && weight + job.weight > most {
                        self.items.push_back(Item::Job(job));
                        continue;
                    }
                    weight += job.weight;
                    jobs.push(job);
                    if jobs.len() >= most {
                        break;
                    }
                }
                Item::Job(_) => self.items.push_back(item),
                Item::Admin(_) => {
                    self.items.push_back(item);
                    break;
                }
            }
        }
        self.items.extend(rest);
        for job in &jobs {
            if !self.held.contains(&job.lane) {
                self.held.push(job.lane);
            }
        }
        Some(Work::Batch(jobs))
    }
}

pub(crate) struct Queue<C, A> {
    state: Mutex<State<C, A>>,
    wake: Condvar,
}

impl<C, A> Default for Queue<C, A> {
    fn default() -> Queue<C, A> {
        let state = State {
            items: VecDeque::new(),
            held: Vec::new(),
            idle: 0,
            is_waking: false,
            is_closed: false,
            waits_since: None,
        };
        Queue { state: Mutex::new(state), wake: Condvar::new() }
    }
}

impl<C, A> std::fmt::Debug for Queue<C, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<C, A> Queue<C, A> {
    fn state(&self) -> MutexGuard<'_, State<C, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, item: Item<C, A>) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.is_closed {
            return Err(StoreError::Unavailable("shutting down".into()));
        }
        if state.items.len() >= WAITING_MAX {
            return Err(StoreError::Busy);
        }
        let wakes = state.is_free(&item) && state.must_wake();
        if state.items.is_empty() {
            state.waits_since = Some(Instant::now());
        }
        state.items.push_back(item);
        drop(state);
        if wakes {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Adds a command, which counts as `weight` commands in a batch.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when the queue is full; [`StoreError::Unavailable`] once it is closed.
    pub(crate) fn push_command(
        &self,
        lane: i64,
        command: C,
        weight: usize,
        reply: oneshot::Sender<Result<A, StoreError>>,
    ) -> Result<(), StoreError> {
        let (command, queued_at) = (Box::new(command), Instant::now());
        self.push(Item::Job(Job { lane, command, reply, was_left: false, queued_at, weight }))
    }

    /// Adds an admin task.
    ///
    /// # Errors
    /// As [`Queue::push_command`].
    pub(crate) fn push_admin(&self, action: AdminTask) -> Result<(), StoreError> {
        self.push(Item::Admin(action))
    }

    /// Takes the next work, at most `most` commands; waits up to `wait` for it. The writer holds the lanes of a batch
    /// until [`Queue::release`].
    pub(crate) fn take(&self, most: usize, wait: Duration) -> Work<C, A> {
        let until = Instant::now() + wait;
        let mut state = self.state();
        loop {
            if let Some(work) = state.next(most) {
                state.waits_since = (!state.items.is_empty()).then(Instant::now);
                let wakes = state.has_free() && state.must_wake();
                drop(state);
                if wakes {
                    self.wake.notify_one();
                }
                return work;
            }
            if state.is_closed {
                return Work::End;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Work::Nothing;
            }
            state.idle += 1;
            (state, _) = self.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
            state.is_waking = false;
        }
    }

    /// Releases the lanes of a batch and requeues the commands it left out: first, or last if their writer has waited in
    /// vain for their lock. It wakes no writer: the caller takes next.
    pub(crate) fn release(&self, lanes: &[i64], left: Vec<Job<C, A>>, has_waited: bool) {
        let mut state = self.state();
        state.held.retain(|held| !lanes.contains(held));
        let gives_up =
            |job: &Job<C, A>| has_waited && (state.is_closed || job.queued_at.elapsed() >= PATIENCE);
        let (late, left): (Vec<_>, Vec<_>) = left.into_iter().partition(gives_up);
        late.into_iter().for_each(Job::give_up);
        if state.items.is_empty() && !left.is_empty() {
            state.waits_since = Some(Instant::now());
        }
        let left = left.into_iter().map(|job| Item::Job(Job { was_left: true, ..job }));
        if has_waited {
            state.items.extend(left);
        } else {
            left.rev().for_each(|item| state.items.push_front(item));
        }
    }

    /// Answers the commands that have waited for `patience` with [`StoreError::Unavailable`]. Those that a
    /// writer has taken are not among them.
    pub(crate) fn expire(&self, patience: Duration) {
        let is_late = |item: &Item<C, A>| match item {
            Item::Job(job) => job.queued_at.elapsed() >= patience,
            Item::Admin(_) => false,
        };
        let late: VecDeque<Item<C, A>> = {
            let mut state = self.state();
            if !state.items.iter().any(is_late) {
                return;
            }
            let (late, rest) = std::mem::take(&mut state.items).into_iter().partition(is_late);
            state.items = rest;
            if state.items.is_empty() {
                state.waits_since = None;
            }
            late
        };
        for item in late {
            if let Item::Job(job) = item {
                job.give_up();
            }
        }
    }

    /// Closes the queue to new work; the writers still do what it holds.
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
        self.wake.notify_all();
    }

    /// For how long items have waited without a writer that took any.
    pub(crate) fn stands_still(&self) -> Duration {
        self.state().waits_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// How many items wait.
    pub(crate) fn len(&self) -> usize {
        self.state().items.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Queue = super::Queue<i64, ()>;
    type Work = super::Work<i64, ()>;
    type Job = super::Job<i64, ()>;

    fn push(queue: &Queue, lane: i64, id: i64) {
        queue.push_command(lane, id, 1, oneshot::channel().0).unwrap();
    }

    fn push_admin(queue: &Queue) {
        queue.push_admin(Box::new(|_| true)).unwrap();
    }

    fn take(queue: &Queue, most: usize) -> Work {
        queue.take(most, Duration::ZERO)
    }

    fn ids(work: &Work) -> Vec<i64> {
        let Work::Batch(jobs) = work else { panic!("no batch") };
        jobs.iter().map(|job: &Job| *job.command).collect()
    }

    #[test]
    fn what_comes_for_a_lane_in_hand_is_the_next_batch() {
        let queue = Queue::default();
        push(&queue, 1, 10);
        assert_eq!(ids(&take(&queue, 9)), [10]);
        for (lane, id) in [(1, 11), (2, 20), (1, 12), (3, 30)] {
            push(&queue, lane, id);
        }
        assert_eq!(ids(&take(&queue, 9)), [20, 30], "others are not in hand");
        assert!(matches!(take(&queue, 9), Work::Nothing));
        assert_eq!(queue.len(), 2);
        queue.release(&[1], Vec::new(), false);
        push(&queue, 2, 21);
        assert_eq!(ids(&take(&queue, 9)), [11, 12]);
        queue.release(&[2, 3], Vec::new(), false);
        assert_eq!(ids(&take(&queue, 9)), [21]);
    }

    #[test]
    fn a_queue_stands_still_while_nobody_takes() {
        let queue = Queue::default();
        assert_eq!(queue.stands_still(), Duration::ZERO);
        push(&queue, 1, 10);
        push(&queue, 1, 11);
        std::thread::sleep(Duration::from_millis(2));
        let still = queue.stands_still();
        assert!(still >= Duration::from_millis(2));
        take(&queue, 1);
        assert!(queue.stands_still() < still);
        queue.release(&[1], Vec::new(), false);
        take(&queue, 1);
        assert_eq!(queue.stands_still(), Duration::ZERO);
    }

    #[test]
    fn batches_have_bounds_and_keep_the_order() {
        let queue = Queue::default();
        for id in 0..5 {
            push(&queue, id % 2, id);
        }
        assert_eq!(ids(&take(&queue, 3)), [0, 1, 2]);
        queue.release(&[0, 1], Vec::new(), false);
        assert_eq!(ids(&take(&queue, 3)), [3, 4]);
    }

    #[test]
    fn light_commands_go_before_heavy_ones_that_do_not_fit() {
        let queue = Queue::default();
        for (id, weight) in [(10, 1), (11, 7), (12, 7), (13, 1), (14, 9), (15, 1)] {
            queue.push_command(1, id, weight, oneshot::channel().0).unwrap();
        }
        assert_eq!(ids(&take(&queue, 8)), [10, 11, 13, 15]);
        queue.release(&[1], Vec::new(), false);
        queue.push_command(1, 16, 1, oneshot::channel().0).unwrap();
        assert_eq!(ids(&take(&queue, 8)), [12, 16]);
        queue.release(&[1], Vec::new(), false);
        queue.push_command(1, 17, 1, oneshot::channel().0).unwrap();
        assert_eq!(ids(&take(&queue, 8)), [14, 17], "the oldest one always goes, however heavy");
    }

    #[test]
    fn an_act_waits_for_its_turn_and_no_longer() {
        let queue = Queue::default();
        push(&queue, 1, 10);
        push_admin(&queue);
        push(&queue, 1, 11);
        push(&queue, 2, 20);
        assert_eq!(ids(&take(&queue, 9)), [10], "nothing behind it goes before it");
        assert!(matches!(take(&queue, 9), Work::Admin(_)), "it needs no lane");
        assert_eq!(ids(&take(&queue, 9)), [20]);
        queue.release(&[1], Vec::new(), false);
        assert_eq!(ids(&take(&queue, 9)), [11]);
    }

    #[test]
    fn who_was_left_out_is_first_again() {
        let queue = Queue::default();
        for id in 10..13 {
            push(&queue, 1, id);
        }
        let Work::Batch(left) = take(&queue, 2) else { panic!("no batch") };
        assert!(left.iter().all(|job| !job.was_left));
        queue.release(&[1, 1], left, false);
        push(&queue, 2, 20);
        let again = take(&queue, 9);
        assert_eq!(ids(&again), [10, 11], "others need not wait for the lock");
        let Work::Batch(jobs) = again else { panic!("no batch") };
        assert!(jobs.iter().all(|job| job.was_left));
        assert_eq!(ids(&take(&queue, 9)), [20]);
        queue.release(&[1], Vec::new(), false);
        assert_eq!(ids(&take(&queue, 9)), [12]);
    }

    #[test]
    fn who_waited_in_vain_is_last() {
        let queue = Queue::default();
        for (lane, id) in [(1, 10), (2, 20), (1, 11)] {
            push(&queue, lane, id);
        }
        let Work::Batch(left) = take(&queue, 9) else { panic!("no batch") };
        queue.release(&[1, 2], left, false);
        // Each lane waits for its own lock only.
        let Work::Batch(left) = take(&queue, 1) else { panic!("no batch") };
        push(&queue, 3, 30);
        queue.release(&[1], left, true);
        assert_eq!(ids(&take(&queue, 9)), [20]);
        assert_eq!(ids(&take(&queue, 9)), [11]);
        queue.release(&[1], Vec::new(), false);
        assert_eq!(ids(&take(&queue, 9)), [30]);
        assert_eq!(ids(&take(&queue, 9)), [10]);
    }

    #[test]
    fn who_waits_too_long_is_answered() {
        let queue = Queue::default();
        let (reply, mut answer) = oneshot::channel();
        queue.push_command(1, 10, 1, reply).unwrap();
        push_admin(&queue);
        queue.expire(Duration::from_mins(1));
        assert!(answer.try_recv().is_err());
        queue.expire(Duration::ZERO);
        assert!(matches!(answer.try_recv(), Ok(Err(StoreError::Unavailable(_)))));
        assert!(matches!(take(&queue, 9), Work::Admin(_)));
        assert!(matches!(take(&queue, 9), Work::Nothing));
    }

    #[test]
    fn a_full_queue_says_so_and_a_closed_one_ends() {
        let queue = Queue::default();
        for _ in 0..WAITING_MAX {
            push_admin(&queue);
        }
        assert!(matches!(queue.push_admin(Box::new(|_| true)), Err(StoreError::Busy)));
        queue.close();
        for _ in 0..WAITING_MAX {
            assert!(matches!(take(&queue, 9), Work::Admin(_)));
        }
        assert!(matches!(queue.push_admin(Box::new(|_| true)), Err(StoreError::Unavailable(_))));
        assert!(matches!(queue.take(9, Duration::from_mins(1)), Work::End));
    }

    #[test]
    fn who_sleeps_is_woken() {
        let queue = Queue::default();
        std::thread::scope(|scope| {
            for id in 0..20 {
                let writer = scope.spawn(|| {
                    let begun = Instant::now();
                    let work = queue.take(9, Duration::from_mins(1));
                    (ids(&work), begun.elapsed())
                });
                while queue.state().idle == 0 {
                    std::thread::yield_now();
                }
                push(&queue, id, id);
                let (taken, waited) = writer.join().unwrap();
                assert_eq!(taken, [id]);
                assert!(waited < Duration::from_secs(30), "it was not woken");
            }
        });
    }

    #[test]
    fn several_writers_do_everything_once_and_no_lane_at_once() {
        const COMMANDS: i64 = 20_000;
        let queue = Queue::default();
        let held: [std::sync::atomic::AtomicBool; 5] = Default::default();
        let mut done: Vec<i64> = std::thread::scope(|scope| {
            let writer = || {
                let mut done = Vec::new();
                loop {
                    let work = queue.take(7, Duration::from_secs(10));
                    let Work::Batch(jobs) = work else { return done };
                    let mut own: Vec<i64> = jobs.iter().map(|job| job.lane).collect();
                    own.sort_unstable();
                    own.dedup();
                    let at = |id: &i64| &held[usize::try_from(*id).unwrap()];
                    for id in &own {
                        assert!(!at(id).swap(true, std::sync::atomic::Ordering::SeqCst), "{id} is in hand");
                    }
                    // Some batches leave out their first command once.
                    let mut jobs = jobs;
                    let is_left = jobs.first().is_some_and(|job| !job.was_left && job.lane == 3);
                    let rest = if is_left { jobs.split_off(1) } else { std::mem::take(&mut jobs) };
                    done.extend(ids(&Work::Batch(rest)));
                    for id in &own {
                        at(id).store(false, std::sync::atomic::Ordering::SeqCst);
                    }
                    queue.release(&own, jobs, false);
                }
            };
            let writers: Vec<_> = (0..3).map(|_| scope.spawn(writer)).collect();
            let deadline = Instant::now() + Duration::from_mins(1);
            for id in 0..COMMANDS {
                while queue.len() > WAITING_MAX / 2 && Instant::now() < deadline {
                    std::thread::yield_now();
                }
                push(&queue, id * 7 % 5, id);
            }
            queue.close();
            writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
        });
        done.sort_unstable();
        assert_eq!(done, (0..COMMANDS).collect::<Vec<_>>());
    }
}
