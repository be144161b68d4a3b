//! Who wants to go on, of many that share a task.

use std::{
    sync::Arc,
    task::{Context, Wake, Waker},
};

use parking_lot::Mutex;

/// Remembers who was woken, so that the task looks at nobody else. A call while the task runs costs it no other turn.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Calls {
    heard: Mutex<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    /// Each at most once, in the order they called.
    callers: Vec<usize>,
    has_called: Vec<bool>,
    /// The task runs, or is about to.
    is_up: bool,
    task: Option<Waker>,
}

impl Calls {
    /// What wakes the caller of this number.
    pub(in crate::gateway) fn waker(self: &Arc<Self>, number: usize) -> Waker {
        let calls = Arc::clone(self);
        Arc::new(Caller { calls, number }).into()
    }

    /// Takes those who have called since. Where nobody has, the next call wakes the task.
    pub(in crate::gateway) fn take(&self, callers: &mut Vec<usize>, cx: &Context<'_>) {
        callers.clear();
        let heard = &mut *self.heard.lock();
        std::mem::swap(callers, &mut heard.callers);
        for number in &*callers {
            if let Some(has_called) = heard.has_called.get_mut(*number) {
                *has_called = false;
            }
        }
        heard.is_up = !callers.is_empty();
        let is_known = |task: &Waker| task.will_wake(cx.waker());
        if !heard.task.as_ref().is_some_and(is_known) {
            heard.task = Some(cx.waker().clone());
        }
    }

    fn call(&self, number: usize) {
        let heard = &mut *self.heard.lock();
        if heard.has_called.len() <= number {
            heard.has_called.resize(number + 1, false);
        }
        match heard.has_called.get_mut(number) {
            Some(has_called) if !*has_called => *has_called = true,
            _ => return,
        }
        heard.callers.push(number);
        if !std::mem::replace(&mut heard.is_up, true)
            && let Some(task) = &heard.task
        {
            task.wake_by_ref();
        }
    }
}

#[derive(Debug)]
struct Caller {
    calls: Arc<Calls>,
    number: usize,
}

impl Wake for Caller {
    fn wake(self: Arc<Self>) {
        self.calls.call(self.number);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.calls.call(self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn each_caller_is_heard_once_and_the_task_woken_once() {
        let task = Arc::new(Counted::default());
        let waker = Waker::from(Arc::clone(&task));
        let cx = Context::from_waker(&waker);
        let calls = Arc::new(Calls::default());
        let [first, second] = [1, 7].map(|number| calls.waker(number));
        let mut callers = Vec::new();
        let woken = || task.0.load(Ordering::Relaxed);

        calls.take(&mut callers, &cx);
        assert!(callers.is_empty());
        second.wake_by_ref();
        first.wake_by_ref();
        second.wake_by_ref();
        assert_eq!(woken(), 1);
        calls.take(&mut callers, &cx);
        assert_eq!(callers, [7, 1]);

        // The task runs: it will ask again before it rests.
        second.wake_by_ref();
        assert_eq!(woken(), 1);
        calls.take(&mut callers, &cx);
        assert_eq!(callers, [7]);
        calls.take(&mut callers, &cx);
        assert!(callers.is_empty());
        first.wake_by_ref();
        assert_eq!(woken(), 2);
    }
}
