//! The columns, in the order of the file.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::schema::types::{Type, TypePtr};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    U32,
    U64,
    Text,
}

macro_rules! columns {
    ($($column:ident $name:literal $kind:ident,)*) => {
        /// A column, by its place in the file.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Column { $($column,)* }

        impl Column {
            pub(super) const ALL: &[Column] = &[$(Column::$column,)*];

            pub(super) fn name(self) -> &'static str {
                match self { $(Column::$column => $name,)* }
            }

            pub(super) fn kind(self) -> Kind {
                match self { $(Column::$column => Kind::$kind,)* }
            }
        }
    };
}

columns! {
    T "t" Text,
    Seq "seq" U64,
    Dir "dir" Text,
    Window "window" U32,
    Offset "offset" U64,
    Size "size" U32,
    Data "data" Text,
    Thread "thread" U32,
    TimeNs "time_ns" U64,
    Site "site" U32,
    Pc "pc" U64,
    Module "module" Text,
    BuildId "build_id" Text,
    Address "address" U64,
    Symbol "symbol" Text,
    SymbolOffset "symbol_offset" U64,
    SourceFile "source_file" Text,
    SourceLine "source_line" U32,
    PythonFile "python_file" Text,
    PythonLine "python_line" U32,
    PythonFunction "python_function" Text,
    PythonOffset "python_offset" U32,
    PythonInstruction "python_instruction" Text,
    Text "text" Text,
    Stack "stack" Text,
    Id "id" U32,
    Name "name" Text,
    Base "base" U64,
    Length "length" U64,
    Kind "kind" Text,
    Detail "detail" Text,
    Count "count" U64,
    Version "version" U32,
    Level "level" Text,
    Capture "capture" Text,
    Machine "machine" Text,
    Cpu "cpu" Text,
    Command "command" Text,
    Selection "selection" Text,
}

/// The schema: every column optional.
pub(super) fn schema() -> TypePtr {
    let field = |column: &Column| {
        let (physical, logical) = match column.kind() {
            Kind::U32 => (Physical::INT32, LogicalType::integer(32, false)),
            Kind::U64 => (Physical::INT64, LogicalType::integer(64, false)),
            Kind::Text => (Physical::BYTE_ARRAY, LogicalType::String),
        };
        let field = Type::primitive_type_builder(column.name(), physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(Some(logical))
            .build();
        Arc::new(field.expect("the column's types go together"))
    };
    let fields = Column::ALL.iter().map(field).collect();
    let schema = Type::group_type_builder("trace").with_fields(fields).build();
    Arc::new(schema.expect("a group of columns is a schema"))
}
