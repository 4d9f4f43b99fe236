//! The native part of the Python package: [`busprobe_mmio`]'s windows as Python objects.
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
mod unsafe_view;
mod view;
mod window;

#[pymodule]
fn _busprobe(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<view::View>()?;
    module.add_class::<window::Window>()?;
    module.add_class::<lock::Lock>()?;
    module.add_class::<sim::Device>()?;
    module.add_function(wrap_pyfunction!(window::open, module)?)?;
    module.add_function(wrap_pyfunction!(view::view, module)?)?;
    module.add_function(wrap_pyfunction!(mark::mark, module)?)?;
    slots::install(module.py())
}
