//! Ctrl+C as something that a command can answer: the first press is told, a second one ends the program at once.

use crossbeam_channel::Receiver;

/// What a shell is told of a program that Ctrl+C has ended.
#[cfg(unix)]
const INTERRUPTED: i32 = 130;

/// Begins to listen: a message comes at the first Ctrl+C, or when the program is asked to end. To be called before any
/// other thread begins, since threads inherit which signals they leave to this one.
///
/// # Errors
/// When the system has no thread to give.
#[cfg(unix)]
pub fn listen() -> std::io::Result<Receiver<()>> {
    let (tell, told) = crossbeam_channel::bounded(1);
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigemptyset` makes the set, which the others then take; all three are given valid pointers.
    let set = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        let mut set = set.assume_init();
        libc::sigaddset(&mut set, libc::SIGINT);
        libc::sigaddset(&mut set, libc::SIGTERM);
        libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
        set
    };
    let wait = move || {
        let mut signal = 0;
        // SAFETY: both point to what this thread owns.
        (unsafe { libc::sigwait(&set, &mut signal) }) == 0
    };
    std::thread::Builder::new().name("podium-interrupt".into()).spawn(move || {
        if wait() {
            // The command may have ended.
            let _ = tell.send(());
            if wait() {
                std::process::exit(INTERRUPTED);
            }
        }
    })?;
    Ok(told)
}

/// Elsewhere Ctrl+C ends the program at once; what was written before stays.
#[cfg(not(unix))]
pub fn listen() -> std::io::Result<Receiver<()>> {
    Ok(crossbeam_channel::never())
}
