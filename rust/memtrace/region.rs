// SPDX-License-Identifier: GPL-2.0

//! The trace memory of one node, and its directory `<node>/` in debugfs.
//!
//! ```text
//!  page allocator
//!       |  alloc()               ^ drop
//!  ContigPages
//!       |  clear()               ^
//!  ClearedPages                  |  zeroed, and out of the data cache
//!       |  set_offline()         ^
//!  OfflinePages                  |  left alone by whoever walks page frames
//!       |  unmap()               ^ map(), which can fail
//!  UnmappedPages                 |  out of the linear mapping
//!       |  ioremap()             ^ iounmap()
//!  UncachedPages                 |  offered in debugfs
//! ```

use kernel::{
    alloc::NumaNode,
    debugfs::{
        Dir,
        File,
        TextFile, //
    },
    fmt,
    mm::{
        cleared::ClearedPages,
        contig::ContigPages,
        offline::OfflinePages,
        uncached::UncachedPages,
        unmapped::UnmappedPages, //
    },
    page::PAGE_SHIFT,
    prelude::*,
    str::CString,
    sync::{
        Arc,
        UniqueArc, //
    }, //
};

use crate::trace::{
    Mappings,
    Trace, //
};

/// One node's trace memory.
///
/// [`Region::give_back`] is its end. Where it is just dropped the memory goes back all the same, but
/// is lost if that fails.
pub(crate) struct Region {
    node: NumaNode,
    // The files come first: `trace` is removed, and its readers are gone, before the pages go.
    files: Option<Files>,
    memory: Memory,
}

enum Memory {
    /// Not in use yet, or no more.
    Unmapped(UnmappedPages),
    /// In use.
    Uncached(Arc<UncachedPages>),
}

/// The directory of a region.
struct Files {
    trace: Option<Pin<KBox<File<Trace>>>>,
    _start: Pin<KBox<File<Hex>>>,
    _size: Pin<KBox<File<Hex>>>,
    _dir: Dir,
}

impl Region {
    /// Allocates `size` bytes on `node`, and takes them out of the linear mapping.
    ///
    /// On an error all is undone.
    pub(crate) fn allocate(node: NumaNode, size: usize) -> Result<Self> {
        let flags = GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN;
        let pages = ContigPages::alloc(size >> PAGE_SHIFT, flags, node)
            .and_then(ContigPages::clear)
            .map(ClearedPages::set_offline)
            .and_then(OfflinePages::unmap)
            .inspect_err(|_| {
                pr_err!("Failed to allocate trace memory on node {}\n", node.id());
            })?;
        pr_info!(
            "Allocated trace memory on node {} at {:#018x}\n",
            node.id(),
            pages.start(),
        );

        Ok(Self {
            node,
            files: None,
            memory: Memory::Unmapped(pages),
        })
    }

    /// Offers the region in `dir`.
    ///
    /// On an error the region comes back as it was.
    pub(crate) fn offer(self, dir: &Dir, mappings: &Arc<Mappings>) -> Result<Self, (Self, Error)> {
        let Self {
            node,
            memory: Memory::Unmapped(pages),
            ..
        } = self
        else {
            return Ok(self);
        };
        let unmapped = |pages| Self {
            node,
            files: None,
            memory: Memory::Unmapped(pages),
        };

        // First what it takes to own the pages, so that they are never without an owner.
        let owner = match UniqueArc::new_uninit(GFP_KERNEL) {
            Ok(owner) => owner,
            Err(e) => return Err((unmapped(pages), e.into())),
        };
        let pages = pages.ioremap().map_err(|(pages, e)| {
            pr_err!("Failed to map trace memory at {:#x}\n", pages.start());
            (unmapped(pages), e)
        })?;
        let pages = Arc::from(owner.write(pages));

        let files = Files::new(node, &pages, dir, mappings);
        let region = Self {
            node,
            files: None,
            memory: Memory::Uncached(pages),
        };
        match files {
            Ok(files) => Ok(Self {
                files: Some(files),
                ..region
            }),
            Err(e) => Err((region, e)),
        }
    }

    /// Returns the size in bytes.
    pub(crate) fn size(&self) -> u64 {
        match &self.memory {
            Memory::Unmapped(pages) => pages.size() as u64,
            Memory::Uncached(pages) => pages.size() as u64,
        }
    }

    /// Gives the memory back to the kernel, and removes the directory.
    ///
    /// Nobody may have the region mapped. Whoever has `trace` open gets EIO from then on. If the
    /// linear mapping cannot be restored, then the region comes back, without `trace`, to be tried
    /// again.
    pub(crate) fn give_back(mut self) -> Result<(), Self> {
        if let Some(files) = &mut self.files {
            // Waits for readers.
            files.trace = None;
        }
        let pages = match self.memory {
            Memory::Unmapped(pages) => Some(pages),
            // If there were another user after all, then the pages would go back with that.
            Memory::Uncached(pages) => UncachedPages::iounmap(pages),
        };

        if let Some(Err((pages, _))) = pages.map(UnmappedPages::map) {
            pr_err!("Failed to free trace memory on node {}\n", self.node.id());
            return Err(Self {
                memory: Memory::Unmapped(pages),
                ..self
            });
        }
        pr_info!("Freed trace memory back on node {}\n", self.node.id());
        Ok(())
    }
}

impl Files {
    fn new(
        node: NumaNode,
        pages: &Arc<UncachedPages>,
        dir: &Dir,
        mappings: &Arc<Mappings>,
    ) -> Result<Self> {
        let dir = dir.subdir(&CString::try_from_fmt(fmt!("{:08x}", node.id()))?);
        let trace = Trace::new(pages.clone(), mappings.clone());

        Ok(Self {
            trace: Some(KBox::pin_init(
                dir.memory_file(c"trace", trace),
                GFP_KERNEL,
            )?),
            _start: KBox::pin_init(dir.text_file(c"start", Hex(pages.start())), GFP_KERNEL)?,
            _size: KBox::pin_init(
                dir.text_file(c"size", Hex(pages.size() as u64)),
                GFP_KERNEL,
            )?,
            _dir: dir,
        })
    }
}

/// A number as pdbg scans it.
pub(crate) struct Hex(pub(crate) u64);

#[vtable]
impl TextFile for Hex {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:#018x}", self.0)
    }
}
