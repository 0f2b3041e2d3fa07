//! What happens when a mapped page cannot be read.
//!
//! The kernel reports it by SIGBUS at the instruction that touched the page. A handler looks the address up among the
//! registered mappings; if it is one of ours, it puts a page of zeros in its place and marks the mapping as broken, and
//! the reader goes on and finds out. Any other SIGBUS goes where it went before us.
//!
//! A handler may not lock or allocate, so the registry is a fixed table of atomics: a slot is owned by its [`Guard`].
#![expect(unsafe_code, reason = "a signal handler and the registry it reads without a lock")]

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, Once, OnceLock};

/// As many mappings as Linux gives a process by default (`vm.max_map_count`); the handle pool stays far below.
const SLOT_COUNT: usize = 65_536;

struct Slot {
    /// The first address; 0 while the slot is free.
    start: AtomicUsize,
    end: AtomicUsize,
    broken: AtomicBool,
}

static SLOTS: [Slot; SLOT_COUNT] = [const {
    Slot { start: AtomicUsize::new(0), end: AtomicUsize::new(0), broken: AtomicBool::new(false) }
}; SLOT_COUNT];

/// How many slots have ever been used; the handler looks no further.
static USED: AtomicUsize = AtomicUsize::new(0);
static FREE: Mutex<Vec<usize>> = Mutex::new(Vec::new());
static INSTALL: Once = Once::new();
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();
static PAGE_BYTES: AtomicUsize = AtomicUsize::new(4096);

/// Keeps one mapped range in the registry.
pub(super) struct Guard(&'static Slot, usize);

impl Guard {
    /// Registers `len` bytes from `start`; `None` when all slots are taken.
    pub(super) fn new(start: usize, len: usize) -> Option<Self> {
        INSTALL.call_once(install);
        let reused = FREE.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
        let slot_idx = reused.unwrap_or_else(|| USED.fetch_add(1, Ordering::Relaxed));
        let Some(slot) = SLOTS.get(slot_idx) else {
            USED.fetch_sub(1, Ordering::Relaxed);
            return None;
        };
        slot.broken.store(false, Ordering::Relaxed);
        slot.end.store(start + len, Ordering::Relaxed);
        slot.start.store(start, Ordering::Release);
        Some(Self(slot, slot_idx))
    }

    pub(super) fn is_broken(&self) -> bool {
        self.0.broken.load(Ordering::Acquire)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.start.store(0, Ordering::Release);
        FREE.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(self.1);
    }
}

fn install() {
    // SAFETY: sysconf has no preconditions.
    let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    PAGE_BYTES.store(usize::try_from(page_bytes).unwrap_or(4096), Ordering::Relaxed);
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    let mut previous = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: an all-zero sigaction is valid; the handler has the signature that SA_SIGINFO asks for and does only
    // what a signal handler may do.
    let previous = unsafe {
        let action_ref = action.assume_init_mut();
        action_ref.sa_sigaction = handler_address();
        action_ref.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
        libc::sigemptyset(&raw mut action_ref.sa_mask);
        libc::sigaction(libc::SIGBUS, action.as_ptr(), previous.as_mut_ptr());
        previous.assume_init()
    };
    let _ = PREVIOUS.set(previous);
}

fn handler_address() -> libc::sighandler_t {
    on_sigbus as extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) as usize
}

extern "C" fn on_sigbus(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the kernel hands a valid siginfo to an SA_SIGINFO handler, and SIGBUS carries an address.
    let address = unsafe { (*info).si_addr() } as usize;
    if !replace_page(address) {
        pass_on(signal, info, context);
    }
}

/// Puts a page of zeros at `address` if it lies in a registered mapping.
fn replace_page(address: usize) -> bool {
    let used = USED.load(Ordering::Relaxed).min(SLOT_COUNT);
    let found = SLOTS.iter().take(used).find(|slot| {
        let start = slot.start.load(Ordering::Acquire);
        start != 0 && start <= address && address < slot.end.load(Ordering::Relaxed)
    });
    let Some(slot) = found else { return false };
    let page_bytes = PAGE_BYTES.load(Ordering::Relaxed);
    let page = address / page_bytes * page_bytes;
    // SAFETY: the page belongs to a mapping that its guard keeps registered, so nothing else lives there; the new page
    // is readable like the old one and is unmapped with it.
    let mapped = unsafe {
        libc::mmap(
            page as *mut libc::c_void,
            page_bytes,
            libc::PROT_READ,
            libc::MAP_FIXED | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    slot.broken.store(true, Ordering::Release);
    mapped != libc::MAP_FAILED
}

/// Hands a SIGBUS that is not ours to whoever handled it before us, or lets it end the process.
fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let previous = PREVIOUS.get();
    let handler = previous.map_or(libc::SIG_DFL, |action| action.sa_sigaction);
    let takes_info = previous.is_some_and(|action| action.sa_flags & libc::SA_SIGINFO != 0);
    if handler == libc::SIG_DFL || handler == libc::SIG_IGN || !takes_info {
        // SAFETY: with the default action in place the faulting instruction is tried again and ends the process.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        return;
    }
    // SAFETY: the address was registered by sigaction with SA_SIGINFO, so it has this signature.
    let handler = unsafe {
        std::mem::transmute::<
            libc::sighandler_t,
            extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void),
        >(handler)
    };
    handler(signal, info, context);
}
