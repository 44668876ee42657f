//! Captures of our own: written, read back, judged again; and what happens when they are cut or
//! changed.

mod retold;
