//! The article's run, stopped by a cancellation token.

use std::process::ExitCode;

use cease_token::Token;
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let runtime = match Builder::new_current_thread().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("cease-token: could not build a runtime: {error}");
            return ExitCode::from(70);
        }
    };
    let code = cease_demo::run(&Token::new(runtime.handle().clone()));
    // Who is still running then was named, and is not waited for.
    runtime.shutdown_background();
    code
}
