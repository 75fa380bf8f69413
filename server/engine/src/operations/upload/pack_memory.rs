//! The memory that packs of uploads take while they are filled and stored: a budget that all uploads share. Whoever
//! finds it used up sends off what it has filled so far and waits; whoever has filled some and waits for its sender
//! sends that off as well. So nobody who is slow keeps the others from going on, and packs only get smaller.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// How many rooms are kept at most.
const ROOMS_MAX: usize = 2;

/// The budget. Clones are the same budget.
#[derive(Clone, Debug)]
pub(crate) struct PackMemory(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// A permit for each KiB.
    free: Arc<Semaphore>,
    kib: u32,
    waiting: AtomicUsize,
    someone_waits: Notify,
    /// What held packs that have been stored, kept for the next ones while uploads go on: memory that is given back
    /// and asked for anew with each pack stays with the allocator for a while, and is there twice.
    rooms: Mutex<Vec<Vec<u8>>>,
    uploads: AtomicUsize,
}

/// A part of the budget, given back when it is dropped.
pub(crate) type Share = OwnedSemaphorePermit;

impl PackMemory {
    /// A budget of so many bytes.
    pub fn new(bytes: usize) -> Self {
        let kib = u32::try_from(bytes >> 10).unwrap_or(u32::MAX).clamp(1, Semaphore::MAX_PERMITS as u32);
        Self(Arc::new(Shared {
            free: Arc::new(Semaphore::new(kib as usize)),
            kib,
            waiting: AtomicUsize::new(0),
            someone_waits: Notify::new(),
            rooms: Mutex::default(),
            uploads: AtomicUsize::new(0),
        }))
    }

    /// The way to the rooms for the time of an upload.
    pub(crate) fn rooms(&self) -> Rooms {
        self.0.uploads.fetch_add(1, Ordering::SeqCst);
        Rooms(self.0.clone())
    }

    /// A share for so many bytes, if it is free.
    pub(crate) fn try_take(&self, bytes: usize) -> Option<Share> {
        self.0.free.clone().try_acquire_many_owned(self.kib(bytes)).ok()
    }

    /// A share for so many bytes, as soon as it is free. What is more than the whole budget counts as all of it.
    pub(crate) async fn take(&self, bytes: usize) -> Share {
        let _waits = Waits::begin(&self.0);
        let share = self.0.free.clone().acquire_many_owned(self.kib(bytes)).await;
        share.expect("the semaphore is never closed")
    }

    /// Returns when someone waits for a share.
    pub(crate) async fn is_wanted(&self) {
        loop {
            let notified = self.0.someone_waits.notified(); // before the look: what comes in between is not missed
            if self.0.waiting.load(Ordering::SeqCst) > 0 {
                return;
            }
            notified.await;
        }
    }

    fn kib(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX).min(self.0.kib)
    }
}

/// Rooms for packs. The last upload to end leaves none behind.
pub(crate) struct Rooms(Arc<Shared>);

impl Rooms {
    /// One that held a pack before, or else a new one for so many bytes.
    pub fn take(&self, bytes: usize) -> Vec<u8> {
        self.0.rooms.lock().pop().unwrap_or_else(|| Vec::with_capacity(bytes))
    }

    /// Keeps a room for others.
    pub fn give_back(&self, room: Vec<u8>) {
        let mut rooms = self.0.rooms.lock();
        if rooms.len() < ROOMS_MAX && room.capacity() > 0 {
            rooms.push(room);
        }
    }
}

impl Drop for Rooms {
    fn drop(&mut self) {
        if self.0.uploads.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.rooms.lock().clear();
        }
    }
}

/// Someone who waits, also when the wait is given up.
struct Waits<'m>(&'m Shared);

impl<'m> Waits<'m> {
    fn begin(memory: &'m Shared) -> Self {
        memory.waiting.fetch_add(1, Ordering::SeqCst);
        memory.someone_waits.notify_waiters();
        Self(memory)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_waits_is_noticed_and_gets_what_is_given_back() {
        let memory = PackMemory::new(10 << 10);
        let all = memory.try_take(9_500).unwrap();
        assert!(memory.try_take(1).is_none());
        let waiting = tokio::spawn({
            let memory = memory.clone();
            async move { drop(memory.take(usize::MAX).await) } // more than there ever is: all of it
        });
        memory.is_wanted().await;
        drop(all);
        waiting.await.unwrap();
        assert!(memory.try_take(10 << 10).is_some());
    }
}
