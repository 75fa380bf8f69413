//! x
pub struct Engine; pub struct EngineParts;
