//! The files of the project, without what is built or downloaded.

use std::fs;
use std::path::Path;

/// Directories with nothing of ours in them.
const SKIPPED: &[&str] = &[".git", "target", "ottla-data", "node_modules", "__pycache__"];

/// The directory of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The names in the directory `path` of the workspace, without what is built or downloaded; sorted, and with `/` at the
/// end if they are directories.
pub(crate) fn names(path: &str) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join(path)).expect("the directory exists") {
        let entry = entry.expect("the directory can be read");
        let name = entry.file_name().into_string().expect("our names are UTF-8");
        let is_dir = entry.file_type().expect("the entry can be read").is_dir();
        if !(is_dir && SKIPPED.contains(&name.as_str())) {
            names.push(if is_dir { name + "/" } else { name });
        }
    }
    names.sort();
    names
}

/// The paths of all files, from the root of the workspace.
pub(crate) fn files() -> Vec<String> {
    let mut files = Vec::new();
    let mut directories = vec![String::new()];
    while let Some(directory) = directories.pop() {
        for name in names(&directory) {
            let path = format!("{directory}{name}");
            if path.ends_with('/') { directories.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// The files whose names end with `suffix`, with their texts.
pub(crate) fn texts(suffix: &str) -> Vec<(String, String)> {
    let files = files().into_iter().filter(|path| path.ends_with(suffix));
    files.map(|path| (path.clone(), text(&path))).collect()
}

/// The text of one file.
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
