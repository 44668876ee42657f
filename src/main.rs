//! The program: reads its arguments, does what they say, says how it went.

use std::process::ExitCode;

use synquest::cli::{self, arguments::Arguments, terminal};

fn main() -> ExitCode {
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(error) => return terminal::explain(&error).into(),
    };
    let terminal = terminal::Terminal::new(arguments.shared.color);
    cli::start_log(arguments.shared.verbose);
    match cli::run(&arguments, terminal) {
        Ok(status) => status.into(),
        Err(failure) => {
            terminal.error(&failure.to_string());
            failure.status().into()
        }
    }
}
