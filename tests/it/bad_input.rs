//! Bad input: a clear message that names the file, the line or the key, and nothing is lost.

mod config;
mod damage;
mod disk;
mod files;
mod folders;
mod init;
mod interrupted;
mod key;
mod state;
