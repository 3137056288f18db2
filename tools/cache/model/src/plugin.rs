// SPDX-License-Identifier: GPL-2.0

//! What QEMU calls.
//!
//! The crate's own callbacks are closures that only one thread may be in. Here several CPUs are, and
//! for each access: so these are functions, with all that they need in one word.

use crate::{
    cache::{
        Cache,
        Through, //
    },
    instruction::{
        address_registers,
        class,
        sets_up_toc,
        Class, //
    },
    lines::{
        By,
        How,
        LINE_SHIFT,
        MAX_CPUS,
        MAX_INSTRUCTIONS, //
    },
    report::report,
    settings::Settings,
    symbols::Symbols,
    watch::{
        Event,
        Function,
        Watch,
        Watched, //
    },
};
use qemu_plugin::{
    qemu_plugin_register_atexit_cb,
    qemu_plugin_register_vcpu_init_cb,
    qemu_plugin_register_vcpu_tb_trans_cb,
    register,
    sys::*,
    Args,
    HasCallbacks,
    Info,
    PluginId,
    Register,
    Result, //
};
use std::{
    collections::HashMap,
    ffi::{
        c_void,
        CStr, //
    },
    fs,
    ops::Range,
    slice,
    sync::{
        Mutex,
        OnceLock, //
    },
};

/// Where the kernel's addresses begin, with the linear mapping.
const KERNEL: u64 = 0xc000_0000_0000_0000;

struct Plugin;

register!(Plugin);

static MODEL: OnceLock<Model> = OnceLock::new();

struct Model {
    cache: Cache,
    symbols: Symbols,
    watch: Watch,
    /// Calls that have not returned yet, with the bytes that they are about, by the stack pointer,
    /// which no two of them share: their tasks may sleep, and go on somewhere else.
    calls: Mutex<HashMap<u64, Range<u64>>>,
    instructions: Mutex<Instructions>,
    /// r0 to r31.
    registers: OnceLock<[Handle; 32]>,
    report: String,
}

/// QEMU's name for a register.
#[derive(Clone, Copy)]
struct Handle(*mut qemu_plugin_register);

// SAFETY: It is but a number.
unsafe impl Send for Handle {}
// SAFETY: As above.
unsafe impl Sync for Handle {}

fn model() -> &'static Model {
    MODEL
        .get()
        .expect("callbacks come after the plugin is installed")
}

/// All instructions that were translated, each with its number.
struct Instructions {
    numbers: HashMap<(u64, u32), u32>,
    addresses: Vec<u64>,
}

impl Instructions {
    fn new() -> Self {
        Self {
            numbers: HashMap::new(),
            addresses: vec![0], // stands for those that there is no number for
        }
    }

    fn number(&mut self, address: u64, word: u32) -> u32 {
        let Self { numbers, addresses } = self;

        if let Some(number) = numbers.get(&(address, word)) {
            return *number;
        }
        if addresses.len() == MAX_INSTRUCTIONS {
            return 0;
        }
        let number = addresses.len() as u32;
        addresses.push(address);
        numbers.insert((address, word), number);
        number
    }
}

impl HasCallbacks for Plugin {}

impl Register for Plugin {
    fn register_default(&mut self, id: PluginId, args: &Args, _: &Info) -> Result<()> {
        // What is wrong here is so with the command line: an error would end in a panic.
        let new = Model::new(args).unwrap_or_else(|e| {
            eprintln!("cache model: {e}");
            std::process::exit(1);
        });
        assert!(MODEL.set(new).is_ok(), "loaded twice");

        qemu_plugin_register_vcpu_init_cb(id, Some(on_init))?;
        qemu_plugin_register_vcpu_tb_trans_cb(id, Some(on_translation))?;
        qemu_plugin_register_atexit_cb(id, |_| model().write_report())
    }
}

impl Model {
    fn new(args: &Args) -> std::result::Result<Self, String> {
        let settings = Settings::new(args)?;
        let map =
            fs::read_to_string(&settings.map).map_err(|e| format!("{}: {e}", settings.map))?;
        let symbols = Symbols::parse(&map);
        let watch = Watch::new(&symbols).map_err(|name| format!("{}: no {name}", settings.map))?;

        Ok(Self {
            cache: Cache::new(settings.memory << 20, settings.strength),
            symbols,
            watch,
            calls: Mutex::new(HashMap::new()),
            instructions: Mutex::new(Instructions::new()),
            registers: OnceLock::new(),
            report: settings.report,
        })
    }

    fn write_report(&self) {
        let instructions = self.instructions.lock().unwrap();
        let name = |number: u32| self.symbols.place(instructions.addresses[number as usize]);

        if let Err(e) = fs::write(&self.report, report(&self.cache, name)) {
            eprintln!("cache model: {}: {e}", self.report);
        }
    }

    /// Reads register `r` of the CPU that a callback is for, which must have asked for it.
    fn read(&self, r: usize) -> u64 {
        let register = self.registers.get().expect("CPUs begin with this")[r];

        // SAFETY: The array is the thread's own and stays, and so are its bytes until the next use.
        BYTES.with(|array| unsafe {
            (**array).len = 0;
            let size = qemu_plugin_read_register(register.0, *array);
            assert!(size == 8 && (**array).len == 8, "r{r} has 64 bits");
            // As the CPU is set to.
            u64::from_le_bytes(*(**array).data.cast())
        })
    }

    fn happened(&self, event: Event, watched: &Watched, by: By) {
        if event == Event::LocalEntry && !begins_with_toc(watched.start) {
            return;
        }
        let range = |start: u64, size: u64| start..start.saturating_add(size);
        let call = |bytes: Range<u64>| {
            self.calls.lock().unwrap().insert(self.read(1), bytes);
        };

        match (watched.function, event) {
            (function, Event::Return) => {
                let Some(bytes) = self.calls.lock().unwrap().remove(&self.read(1)) else {
                    return;
                };
                let result = self.read(3);
                match function {
                    Function::Unmap => self.cache.unmap(by, &bytes),
                    Function::Map if result as i32 != 0 => self.cache.unmap(by, &bytes),
                    Function::Ioremap if result != 0 => self.cache.ioremap(result, &bytes),
                    _ => (),
                }
            }
            (Function::Unmap | Function::Ioremap, _) => {
                call(range(self.read(3), self.read(4)));
            }
            (Function::Map, _) => {
                let bytes = range(self.read(4), self.read(5));
                self.cache.map(&bytes);
                call(bytes);
            }
            (Function::Iounmap, _) => self.cache.iounmap(self.read(3)),
            // By one of them hardware learns of the region, by another one processes do.
            (Function::CreateFile, _) => {
                if let Some(b"start\0" | b"trace\0") = read_memory(self.read(3)).as_ref() {
                    self.cache.offer(by);
                }
            }
        }
    }
}

extern "C" {
    // GLib's, in QEMU.
    fn g_byte_array_new() -> *mut GByteArray;
}

thread_local! {
    /// What QEMU answers with.
    ///
    /// The crate's own functions make a new one each time, which is slow, or one of which GLib's part
    /// is missing (`qemu_plugin_read_memory_vaddr()`).
    // SAFETY: No requirements.
    static BYTES: *mut GByteArray = unsafe { g_byte_array_new() };
}

/// Reads memory of the CPU that a callback is for.
fn read_memory<const N: usize>(address: u64) -> Option<[u8; N]> {
    // SAFETY: The array is the thread's own and stays, and so are its bytes until the next use.
    BYTES.with(|array| unsafe {
        (qemu_plugin_read_memory_vaddr(address, *array, N) && (**array).len == N as u32)
            .then(|| *(**array).data.cast::<[u8; N]>())
    })
}

fn begins_with_toc(start: u64) -> bool {
    read_memory(start).is_some_and(|word| sets_up_toc(u32::from_le_bytes(word)))
}

/// What an event is to be called back with.
fn pack(event: Event, watched: usize, number: u32) -> *mut c_void {
    ((number as usize) << 8 | watched << 2 | event as usize) as *mut c_void
}

unsafe extern "C" fn on_init(_: PluginId, cpu: u32) {
    assert!((cpu as usize) < MAX_CPUS, "the kernel has no more");
    model().registers.get_or_init(|| {
        // SAFETY: This is the callback to ask in. There are so many descriptors in the array, which
        // is GLib's and is kept.
        let all = unsafe {
            let array = qemu_plugin_get_registers();
            slice::from_raw_parts(
                (*array).data.cast::<qemu_plugin_reg_descriptor>(),
                (*array).len as usize,
            )
        };

        std::array::from_fn(|r| {
            let name = format!("r{r}");
            let found = all.iter().find(|register| {
                // SAFETY: A name is a string.
                unsafe { CStr::from_ptr(register.name) }.to_bytes() == name.as_bytes()
            });
            Handle(found.expect("POWER has 32 of them").handle)
        })
    });
}

unsafe extern "C" fn on_translation(_: PluginId, tb: *mut qemu_plugin_tb) {
    let model = model();
    let mut instructions = model.instructions.lock().unwrap();

    // SAFETY: QEMU gives a valid block, and takes callbacks for its instructions until this returns.
    for i in 0..unsafe { qemu_plugin_tb_n_insns(tb) } {
        let mut bytes = [0; 4];
        // SAFETY: As above. An instruction has four bytes or eight.
        let (insn, address) = unsafe {
            let insn = qemu_plugin_tb_get_insn(tb, i);
            qemu_plugin_insn_data(insn, bytes.as_mut_ptr().cast(), bytes.len());
            (insn, qemu_plugin_insn_vaddr(insn))
        };
        let word = u32::from_le_bytes(bytes);

        if let Some((event, watched)) = model.watch.event(address, word) {
            let data = pack(event, watched, instructions.number(address, word));
            // SAFETY: As above.
            unsafe {
                qemu_plugin_register_vcpu_insn_exec_cb(
                    insn,
                    Some(on_event),
                    qemu_plugin_cb_flags::QEMU_PLUGIN_CB_R_REGS,
                    data,
                )
            };
        }

        let mut call = |rw, callback: unsafe extern "C" fn(u32, u32, u64, *mut c_void)| {
            let number = instructions.number(address, word) as usize as *mut c_void;
            // SAFETY: As above.
            unsafe {
                qemu_plugin_register_vcpu_mem_cb(
                    insn,
                    Some(callback),
                    qemu_plugin_cb_flags::QEMU_PLUGIN_CB_NO_REGS,
                    rw,
                    number,
                )
            };
        };
        use qemu_plugin_mem_rw::*;
        match class(word) {
            Class::Other => (),
            Class::Access => {
                call(QEMU_PLUGIN_MEM_R, on_load);
                call(QEMU_PLUGIN_MEM_W, on_store);
            }
            // In the kernel QEMU can zero the line in one piece, as long as nobody asks about memory,
            // but then the address has to be computed.
            Class::Zero if address >= KERNEL => {
                let data = word as usize | (instructions.number(address, word) as usize) << 32;
                // SAFETY: As above.
                unsafe {
                    qemu_plugin_register_vcpu_insn_exec_cb(
                        insn,
                        Some(on_kernel_zero),
                        qemu_plugin_cb_flags::QEMU_PLUGIN_CB_R_REGS,
                        data as *mut c_void,
                    )
                };
            }
            Class::Zero => call(QEMU_PLUGIN_MEM_W, on_zero),
            // To QEMU these are loads, and dcbi a store as well.
            Class::TakeOut => call(QEMU_PLUGIN_MEM_R, on_take_out),
            Class::Clean => call(QEMU_PLUGIN_MEM_R, on_clean),
        }
    }
}

unsafe extern "C" fn on_event(cpu: u32, data: *mut c_void) {
    let data = data as usize;
    let event = [Event::Entry, Event::LocalEntry, Event::Return][data & 3];
    let by = By {
        cpu,
        instruction: (data >> 8) as u32,
    };
    let model = model();

    model.happened(event, model.watch.get(data >> 2 & 0x3f), by);
}

/// Returns which line an address of the linear mapping is that of.
#[inline(always)]
fn find_linear(address: u64) -> Option<usize> {
    // The rest of the address is that of memory.
    (address >> 51 == KERNEL >> 51).then_some(((address & ((1 << 51) - 1)) >> LINE_SHIFT) as usize)
}

/// Returns which line is accessed, and by what kind of address; nothing if that is a device's.
#[inline(always)]
fn locate(info: qemu_plugin_meminfo_t, address: u64) -> Option<(usize, Through)> {
    // The layout is that of the kernel's book3s/64/radix.h, and of hash.h with 64 KiB pages.
    if let Some(line) = find_linear(address) {
        return Some((line, Through::Linear));
    }
    match address >> 49 {
        // That of ioremap(), at 0xc00a...
        0x6005 => {
            let line = model().cache.find_inhibited(address)?;
            return Some((line, Through::Inhibited));
        }
        // Processes, and firmware, which has no addresses but memory's; vmalloc(), modules, vmemmap.
        0 | 0x6004 | 0x6006 => (),
        // Firmware's devices. QEMU cannot tell any more where a store went to by which one of them
        // has just changed what is mapped where.
        _ => return None,
    }

    // SAFETY: `info` is that of the access that QEMU calls back for.
    unsafe {
        let place = qemu_plugin_get_hwaddr(info, address);
        if place.is_null() || qemu_plugin_hwaddr_is_io(place) {
            return None;
        }
        let line = qemu_plugin_hwaddr_phys_addr(place) >> LINE_SHIFT;
        Some((line as usize, Through::Page))
    }
}

#[inline(always)]
fn access(cpu: u32, info: qemu_plugin_meminfo_t, address: u64, number: *mut c_void, how: How) {
    let by = By {
        cpu,
        instruction: number as usize as u32,
    };

    if let Some((line, through)) = locate(info, address) {
        model().cache.access(by, line, how, through);
    }
}

unsafe extern "C" fn on_load(cpu: u32, info: u32, address: u64, number: *mut c_void) {
    access(cpu, info, address, number, How::Load);
}

unsafe extern "C" fn on_store(cpu: u32, info: u32, address: u64, number: *mut c_void) {
    access(cpu, info, address, number, How::Store);
}

unsafe extern "C" fn on_zero(cpu: u32, info: u32, address: u64, number: *mut c_void) {
    // QEMU stores a line in pieces, of which the first one says it all.
    if address.is_multiple_of(1 << LINE_SHIFT) {
        access(cpu, info, address, number, How::Zero);
    }
}

/// Before the kernel zeroes a line. That of a process, of which the address says little, is in for
/// long: the kernel has zeroed its page.
unsafe extern "C" fn on_kernel_zero(cpu: u32, data: *mut c_void) {
    let data = data as u64;
    let by = By {
        cpu,
        instruction: (data >> 32) as u32,
    };
    let model = model();
    let (ra, rb) = address_registers(data as u32);
    let address = ra
        .map_or(0, |ra| model.read(ra))
        .wrapping_add(model.read(rb));

    if let Some(line) = find_linear(address) {
        model.cache.access(by, line, How::Zero, Through::Linear);
    }
}

unsafe extern "C" fn on_take_out(cpu: u32, info: u32, address: u64, number: *mut c_void) {
    let by = By {
        cpu,
        instruction: number as usize as u32,
    };

    if let Some((line, through)) = locate(info, address) {
        model().cache.take_out(by, line, through);
    }
}

unsafe extern "C" fn on_clean(_: u32, info: u32, address: u64, _: *mut c_void) {
    if let Some((line, _)) = locate(info, address) {
        model().cache.clean(line);
    }
}
