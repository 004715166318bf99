//! The `release-tool` binary: everything is in the library.

fn main() -> std::process::ExitCode {
    release_tool::cli::main()
}
