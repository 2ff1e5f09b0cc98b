//! The article's run, stopped by a cancellation token.

#[cfg(not(any(loom, shuttle)))]
fn main() -> std::process::ExitCode {
    use cease_token::Token;

    let runtime = match tokio::runtime::Builder::new_current_thread().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("cease-token: could not build a runtime: {error}");
            return std::process::ExitCode::from(70);
        }
    };
    let code = cease_demo::run(&Token::new(runtime.handle().clone()));
    // The run has printed the workers that have not ended, and does not wait for them.
    runtime.shutdown_background();
    code
}

/// A model has no runtime.
#[cfg(any(loom, shuttle))]
fn main() {}
