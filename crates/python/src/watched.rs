//! What a trace watches: windows, views, and buffers of mapped memory.

use std::sync::Arc;

use busprobe_capture::inprocess::Region;
use pyo3::buffer::PyUntypedBuffer;
use pyo3::prelude::*;

use crate::shared::{Open, Shared};
use crate::view::View;
use crate::window::Window;
use crate::{elements, errors};

/// A range of memory, which stays mapped for as long as this lives.
pub(crate) struct Watched {
    pub(crate) region: Region,
    _kept: Kept,
}

#[expect(dead_code, reason = "kept, not used")]
enum Kept {
    Window(Arc<Open>),
    Buffer(PyUntypedBuffer),
}

impl Watched {
    pub(crate) fn new(object: &Bound<'_, PyAny>) -> PyResult<Watched> {
        if let Ok(window) = object.cast::<Window>() {
            return Watched::window(window.get().shared());
        }
        if let Ok(view) = object.cast::<View>() {
            return Watched::window(view.get().shared());
        }
        let name = object.get_type().name()?.to_string();
        let buffer = elements::buffer(object).map_err(|_| {
            errors::wrong_type(format!(
                "{name}: a trace watches a busprobe window or view, an mmap, or a memoryview or \
                 array over one"
            ))
        })?;
        if !buffer.is_c_contiguous() {
            return Err(errors::invalid(
                "the buffer has gaps between its elements: watch the whole of it",
            ));
        }
        let (start, length) = (buffer.buf_ptr() as u64, buffer.len_bytes() as u64);
        let region = Region { name, base: None, start, length };
        Ok(Watched { region, _kept: Kept::Buffer(buffer) })
    }

    fn window(shared: &Shared) -> PyResult<Watched> {
        let open = shared.get()?;
        let window = &open.window;
        let Some(start) = window.as_ptr() else {
            return Err(errors::invalid(format!(
                "{} is simulated and has no memory: its device has a log of its own",
                window.name()
            )));
        };
        let region = Region {
            name: window.name().to_owned(),
            base: window.base(),
            start: start as u64,
            length: window.len(),
        };
        Ok(Watched { region, _kept: Kept::Window(open) })
    }
}
