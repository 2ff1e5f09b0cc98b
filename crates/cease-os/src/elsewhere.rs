//! What is said on platforms that this crate has nothing for.

compile_error!(
    "cease-os is the bridge to Linux: it needs eventfd, futexes and /proc, and has nothing for other platforms"
);
