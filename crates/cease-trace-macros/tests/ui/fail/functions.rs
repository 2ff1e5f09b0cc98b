//! Functions that cannot be traced.

use cease_trace::traced;

#[traced]
async fn asynchronous() {}

#[traced]
const fn constant() -> u32 {
    4
}

#[traced]
extern "C" fn for_c() {}

#[traced]
extern fn for_c_unsaid() {}

#[traced]
#[unsafe(no_mangle)]
pub unsafe extern "system" fn for_the_system() {}

fn main() {
    drop(asynchronous());
    constant();
    for_c();
    for_c_unsaid();
}
