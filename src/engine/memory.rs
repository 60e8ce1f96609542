//! How much memory this process holds and how much the machine has, where the system says so (Linux).

pub use crate::bytes::words;

/// Bytes of memory that this process holds in RAM; none where the system does not say. Takes microseconds.
pub fn resident() -> Option<u64> {
    kilobytes(&std::fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// Bytes of memory that this process may use: the machine's, or less where a container sets a limit. None where the
/// system does not say.
pub fn total() -> Option<u64> {
    let machine = kilobytes(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")?;
    // Version 2 and version 1 of control groups; a limit that is none is the word `max`, or greater than any machine.
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limit = |path: &&str| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    Some(limits.iter().filter_map(limit).fold(machine, u64::min))
}

/// The value of `key` in a table as Linux writes it: `VmRSS:    1234 kB`.
fn kilobytes(table: &str, key: &str) -> Option<u64> {
    let value = table.lines().find_map(|line| line.strip_prefix(key))?;
    value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_linux_is_read_and_nonsense_is_not() {
        let table = "Name:\tpodium\nVmHWM:\t    9000 kB\nVmRSS:\t    1234 kB\n";
        assert_eq!(kilobytes(table, "VmRSS:"), Some(1234 * 1024));
        assert_eq!(kilobytes(table, "VmSwap:"), None);
        for broken in ["VmRSS: many kB", "VmRSS: 12", "VmRSS:", "VmRSS: 99999999999999999999 kB", ""] {
            assert_eq!(kilobytes(broken, "VmRSS:"), None, "{broken:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_holds_some_of_the_machine_s_memory() {
        let (held, all) = (resident().expect("Linux says"), total().expect("Linux says"));
        assert!(held > 1 << 20 && held < all, "{held} of {all} bytes");
    }
}
