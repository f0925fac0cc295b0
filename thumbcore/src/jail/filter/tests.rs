//! The compiled filters, judged by an interpreter of their instructions. Numbers of system calls
//! are those of the kernel's own tables: `arch/x86/entry/syscalls/syscall_64.tbl` and
//! `include/uapi/asm-generic/unistd.h`.

use seccompiler::sock_filter;

use super::*;

const KILL: u32 = 0x8000_0000;
const ALLOW: u32 = 0x7fff_0000;
const NO_SYSTEM_CALL: u32 = 0x0005_0026;

const X86_64: u32 = 0xc000_003e;
const AARCH64: u32 = 0xc000_00b7;
const PID: i32 = 4321;

/// `struct seccomp_data`, as far as filters read it.
struct Call {
    arch: u32,
    number: u32,
    args: [u64; 6],
}

impl Call {
    fn word(&self, offset: u32) -> u32 {
        match offset {
            0 => self.number,
            4 => self.arch,
            16.. => {
                let arg = self.args[(offset as usize - 16) / 8];
                let is_high = !(offset - 16).is_multiple_of(8);
                (if is_high { arg >> 32 } else { arg }) as u32
            }
            offset => panic!("no filter reads at {offset}"),
        }
    }

    /// What one filter answers: "Classic BPF", `Documentation/networking/filter.rst`.
    fn run(&self, filter: &[sock_filter]) -> u32 {
        let (mut at, mut a) = (0, 0u32);
        loop {
            let step = &filter[at];
            at += 1;
            let jump = |is_true: bool| usize::from(if is_true { step.jt } else { step.jf });
            match step.code {
                0x20 => a = self.word(step.k),
                0x54 => a &= step.k,
                0x05 => at += step.k as usize,
                0x15 => at += jump(a == step.k),
                0x25 => at += jump(a > step.k),
                0x35 => at += jump(a >= step.k),
                0x06 => return step.k,
                code => panic!("instruction {code:#x}"),
            }
        }
    }

    /// What the kernel does: the stricter answer, which is the lower one as a signed number.
    fn answer(&self, filters: &Filters) -> u32 {
        let answers = [&filters.unavailable, &filters.allowed].map(|filter| self.run(filter));
        answers
            .into_iter()
            .min_by_key(|answer| *answer as i32)
            .unwrap()
    }
}

struct Machine {
    arch: u32,
    filters: Filters,
}

impl Machine {
    fn new(arch: TargetArch, audit: u32) -> Self {
        Self {
            arch: audit,
            filters: Filters::compile_for(arch).unwrap().of_process(PID),
        }
    }

    fn answer(&self, number: u32, args: &[u64]) -> u32 {
        let mut all = [0; 6];
        all[..args.len()].copy_from_slice(args);
        let call = Call {
            arch: self.arch,
            number,
            args: all,
        };
        call.answer(&self.filters)
    }
}

/// Numbers of one machine.
struct Numbers {
    read: u32,
    futex: u32,
    exit_group: u32,
    openat: u32,
    clone: u32,
    clone3: u32,
    mmap: u32,
    mprotect: u32,
    prctl: u32,
    sendto: u32,
    tgkill: u32,
    /// Those that no argument makes allowed.
    forbidden: &'static [(&'static str, u32)],
}

const ON_X86_64: Numbers = Numbers {
    read: 0,
    futex: 202,
    exit_group: 231,
    openat: 257,
    clone: 56,
    clone3: 435,
    mmap: 9,
    mprotect: 10,
    prctl: 157,
    sendto: 44,
    tgkill: 234,
    forbidden: &[
        ("open", 2),
        ("socket", 41),
        ("connect", 42),
        ("sendmsg", 46),
        ("recvmsg", 47),
        ("fork", 57),
        ("vfork", 58),
        ("execve", 59),
        ("kill", 62),
        ("ptrace", 101),
        ("prlimit64", 302),
        ("process_vm_readv", 310),
        ("seccomp", 317),
        ("memfd_create", 319),
        ("bpf", 321),
        ("execveat", 322),
        ("io_uring_setup", 425),
        ("openat2", 437),
    ],
};

const ON_AARCH64: Numbers = Numbers {
    read: 63,
    futex: 98,
    exit_group: 94,
    openat: 56,
    clone: 220,
    clone3: 435,
    mmap: 222,
    mprotect: 226,
    prctl: 167,
    sendto: 206,
    tgkill: 131,
    forbidden: &[
        ("socket", 198),
        ("connect", 203),
        ("sendmsg", 211),
        ("recvmsg", 212),
        ("execve", 221),
        ("kill", 129),
        ("ptrace", 117),
        ("prlimit64", 261),
        ("process_vm_readv", 270),
        ("seccomp", 277),
        ("memfd_create", 279),
        ("bpf", 280),
        ("execveat", 281),
        ("io_uring_setup", 425),
        ("openat2", 437),
    ],
};

fn check(machine: &Machine, numbers: &Numbers) {
    let answer = |number, args: &[u64]| machine.answer(number, args);
    for number in [numbers.read, numbers.futex, numbers.exit_group] {
        assert_eq!(answer(number, &[]), ALLOW, "{number}");
    }
    for (name, number) in numbers.forbidden {
        assert_eq!(answer(*number, &[]), KILL, "{name}");
    }
    assert_eq!(answer(numbers.openat, &[]), NO_SYSTEM_CALL);
    assert_eq!(answer(numbers.clone3, &[]), NO_SYSTEM_CALL);

    // What the C library starts a thread with, and what fork() does.
    let thread = 0x003d_0f00;
    assert_eq!(answer(numbers.clone, &[thread]), ALLOW);
    assert_eq!(answer(numbers.clone, &[0x0120_0011]), KILL);
    for namespace in [0x2_0000, 0x1000_0000, 0x4000_0000] {
        assert_eq!(answer(numbers.clone, &[thread | namespace]), KILL);
    }

    // PROT_READ, PROT_WRITE and PROT_EXEC; MAP_PRIVATE with and without MAP_ANONYMOUS.
    assert_eq!(answer(numbers.mmap, &[0, 4096, 3, 0x22]), ALLOW);
    assert_eq!(answer(numbers.mmap, &[0, 4096, 7, 0x22]), KILL);
    assert_eq!(answer(numbers.mmap, &[0, 4096, 1, 0x02]), KILL);
    assert_eq!(answer(numbers.mprotect, &[0, 4096, 3]), ALLOW);
    assert_eq!(answer(numbers.mprotect, &[0, 4096, 5]), KILL);

    // PR_SET_NAME, PR_SET_DUMPABLE.
    assert_eq!(answer(numbers.prctl, &[15]), ALLOW);
    assert_eq!(answer(numbers.prctl, &[4]), KILL);
    assert_eq!(answer(numbers.sendto, &[3, 1, 1, 0, 0]), ALLOW);
    assert_eq!(answer(numbers.sendto, &[3, 1, 1, 0, 1 << 40]), KILL);
    assert_eq!(answer(numbers.tgkill, &[PID as u64, 1, 6]), ALLOW);
    assert_eq!(answer(numbers.tgkill, &[1, 1, 6]), KILL);
}

#[test]
fn the_filter_of_x86_64_lets_through_what_it_must_and_no_more() {
    let machine = Machine::new(TargetArch::x86_64, X86_64);
    check(&machine, &ON_X86_64);
    // The other calling convention of the same processor, whose numbers have this bit.
    assert_eq!(machine.answer(0x4000_0000, &[]), KILL);
}

#[test]
fn the_filter_of_aarch64_lets_through_what_it_must_and_no_more() {
    check(&Machine::new(TargetArch::aarch64, AARCH64), &ON_AARCH64);
}

#[test]
fn another_architecture_s_numbers_are_refused() {
    for (arch, other) in [(TargetArch::x86_64, AARCH64), (TargetArch::aarch64, X86_64)] {
        let machine = Machine::new(arch, other);
        assert_eq!(machine.answer(ON_X86_64.read, &[]), KILL);
        assert_eq!(machine.answer(ON_AARCH64.read, &[]), KILL);
    }
}
