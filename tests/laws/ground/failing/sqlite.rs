//! SQLite tells when a statement begins, asks while it runs whether it shall go on, asks whether to commit, and tells
//! when it has. Connections of other files are left alone.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once};

use libsqlite3_sys::{
    SQLITE_IOERR, SQLITE_OK, SQLITE_TRACE_STMT, sqlite3, sqlite3_api_routines, sqlite3_auto_extension,
    sqlite3_commit_hook, sqlite3_db_filename, sqlite3_progress_handler, sqlite3_trace_v2, sqlite3_wal_hook,
};

use super::Statements;

static WATCHED: Mutex<Vec<(PathBuf, Statements)>> = Mutex::new(Vec::new());

/// A connection to a watched file.
struct Connection {
    handle: *mut sqlite3,
    statements: Statements,
    /// The statement that has begun is to fail.
    fails: AtomicBool,
}

/// Lets statements fail on every connection to the file that is opened from now on.
pub fn watch(file: &Path, statements: &Statements) {
    static ONCE: Once = Once::new();
    // SAFETY: SQLite calls the function with a connection that has just been opened.
    ONCE.call_once(|| assert_eq!(unsafe { sqlite3_auto_extension(Some(opened)) }, SQLITE_OK));
    WATCHED.lock().unwrap().push((file.canonicalize().unwrap(), statements.clone()));
}

unsafe extern "C" fn opened(connection: *mut sqlite3, _: *mut *mut c_char, _: *const sqlite3_api_routines) -> c_int {
    // SAFETY: the connection is open, and what the hooks are given lives to the end of the process.
    unsafe {
        let file = sqlite3_db_filename(connection, c"main".as_ptr());
        if file.is_null() {
            return SQLITE_OK;
        }
        let file = Path::new(CStr::from_ptr(file).to_str().unwrap());
        let watched = WATCHED.lock().unwrap().iter().find(|(of, _)| of == file).map(|(_, asked)| asked.clone());
        let Some(statements) = watched else { return SQLITE_OK };
        let given = Box::leak(Box::new(Connection { handle: connection, statements, fails: AtomicBool::new(false) }));
        let given = (&raw mut *given).cast::<c_void>();
        sqlite3_trace_v2(connection, SQLITE_TRACE_STMT as c_uint, Some(begins), given);
        sqlite3_progress_handler(connection, 1, Some(fails), given);
        sqlite3_commit_hook(connection, Some(fails), given);
    }
    SQLITE_OK
}

unsafe extern "C" fn begins(_: c_uint, given: *mut c_void, _: *mut c_void, text: *mut c_void) -> c_int {
    // SAFETY: `opened` gave the connection, SQLite the text.
    let (connection, text) = unsafe { (&*given.cast::<Connection>(), CStr::from_ptr(text.cast())) };
    // The first statement after BEGIN stands for it: what failed to begin has no effect either.
    let counts = ![&b"BEGIN"[..], b"ROLLBACK"].iter().any(|start| text.to_bytes().starts_with(start));
    // SAFETY: this is the connection that runs the statement. It sets a hook of its own when it has been opened.
    unsafe { sqlite3_wal_hook(connection.handle, Some(committed), given) };
    connection.fails.store(counts && connection.statements.statement(), Ordering::SeqCst);
    SQLITE_OK
}

/// Whether to stop the statement, or to roll back instead of committing.
unsafe extern "C" fn fails(given: *mut c_void) -> c_int {
    // SAFETY: `opened` gave it.
    let connection = unsafe { &*given.cast::<Connection>() };
    c_int::from(connection.fails.swap(false, Ordering::SeqCst))
}

unsafe extern "C" fn committed(given: *mut c_void, _: *mut sqlite3, _: *const c_char, _: c_int) -> c_int {
    // SAFETY: `opened` gave it.
    let connection = unsafe { &*given.cast::<Connection>() };
    if connection.statements.commit() { SQLITE_IOERR } else { SQLITE_OK }
}
