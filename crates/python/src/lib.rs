//! The native part of the Python package: [`busprobe_mmio`]'s windows and [`busprobe_trace`]'s
//! traces as Python objects.
//!
//! The package's own `busprobe/__init__.py` names what is public; this module is private to it.

use pyo3::prelude::*;

mod arguments;
mod elements;
mod errors;
mod format;
mod integers;
mod lock;
mod mark;
mod shared;
mod sim;
mod slots;
mod trace;
mod unsafe_view;
mod verdict;
mod view;
mod watched;
mod window;

#[pymodule]
fn _busprobe(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<view::View>()?;
    module.add_class::<window::Window>()?;
    module.add_class::<lock::Lock>()?;
    module.add_class::<sim::Device>()?;
    module.add_class::<trace::Trace>()?;
    module.add_function(wrap_pyfunction!(window::open, module)?)?;
    module.add_function(wrap_pyfunction!(view::view, module)?)?;
    module.add_function(wrap_pyfunction!(mark::mark, module)?)?;
    module.add_function(wrap_pyfunction!(trace::trace, module)?)?;
    module.add_function(wrap_pyfunction!(trace::load, module)?)?;
    slots::install(module.py())
}
