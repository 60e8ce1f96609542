//! Where the usual programs keep their models, and which of a program's folders are worth walking through.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::entry::Program;
use super::yaml;
use crate::hub::Hub;

/// A folder to walk through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The folder.
    pub folder: PathBuf,
    /// Whose it is.
    pub program: Program,
}

/// Names that people's copies of the programs have.
const A1111: [&str; 8] = [
    "stable-diffusion-webui",
    "stable-diffusion-webui-forge",
    "stable-diffusion-webui-reForge",
    "stable-diffusion-webui-amdgpu",
    "stable-diffusion-webui-directml",
    "sd-webui",
    "sd.webui/webui",
    "automatic",
];
const COMFY_UI: [&str; 3] = ["ComfyUI", "comfyui", "ComfyUI_windows_portable/ComfyUI"];
const INVOKE_AI: [&str; 3] = ["invokeai", "InvokeAI", ".invokeai"];
/// Folders of a home in which people keep programs.
const BELOW_HOME: [&str; 16] = [
    "",
    "Documents",
    "Desktop",
    "Downloads",
    "ai",
    "AI",
    "apps",
    "Apps",
    "bin",
    "code",
    "git",
    "opt",
    "projects",
    "Projects",
    "src",
    "tools",
];

/// What the machine has: folders, and variables of the environment.
pub struct Machine<'a> {
    /// The user's folder.
    pub home: Option<PathBuf>,
    /// Where programs keep a user's data.
    pub data: Option<PathBuf>,
    /// A variable of the environment.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
}

impl Machine<'static> {
    /// This one.
    pub fn this() -> Self {
        let folders = directories::BaseDirs::new();
        Self {
            home: folders.as_ref().map(|folders| folders.home_dir().to_owned()),
            data: folders.as_ref().map(|folders| folders.data_dir().to_owned()),
            variable: &|name| std::env::var_os(name),
        }
    }
}

/// Everything to walk through: the usual places where there is something, and the folders that somebody added.
/// `downloads` is where Podium puts what it gets. Looks at the disk.
pub fn roots(machine: &Machine, hub: &Hub, downloads: &Path, added: &[PathBuf]) -> Vec<Root> {
    let mut found = vec![Root { folder: downloads.to_owned(), program: Program::Podium }];
    // What somebody added comes first: its entries bear its name.
    added.iter().for_each(|folder| found.extend(inside(folder, machine)));
    let mut bases: Vec<PathBuf> = Vec::new();
    if let Some(home) = &machine.home {
        bases.extend(BELOW_HOME.iter().map(|below| home.join(below)));
    }
    if cfg!(windows) {
        bases.extend(["C:\\", "D:\\", "E:\\"].map(PathBuf::from));
    } else {
        bases.extend(["/opt", "/srv", "/workspace"].map(PathBuf::from));
    }
    let named =
        |names: &'static [&'static str]| names.iter().flat_map(|name| bases.iter().map(move |base| base.join(name)));
    let programs = named(&A1111).chain(named(&COMFY_UI)).chain(named(&INVOKE_AI));
    let told = (machine.variable)("INVOKEAI_ROOT").filter(|root| !root.is_empty()).map(PathBuf::from);
    for folder in told.into_iter().chain(programs) {
        found.extend(program(&folder, machine));
    }
    if let Some(data) = &machine.data {
        // Its server is a ComfyUI, in a folder of its own name or not.
        let server = data.join("krita/ai_diffusion/server");
        for folder in [server.join("ComfyUI"), server] {
            let models = folder.join("models");
            found.extend(models.is_dir().then_some(Root { folder: models, program: Program::Krita }));
        }
    }
    found.push(Root { folder: hub.cache.clone(), program: Program::Hub });
    found.retain(|root| root.folder.is_dir());
    let mut known = Vec::new();
    // One folder by two names is walked through once.
    found.retain(|root| {
        let real = root.folder.canonicalize().unwrap_or_else(|_| root.folder.clone());
        let new = !known.contains(&real);
        known.push(real);
        new
    });
    found
}

/// The folders of a program, if one lies here.
fn program(folder: &Path, machine: &Machine) -> Vec<Root> {
    let (models, is) = (folder.join("models"), |below: &str| folder.join(below).is_dir());
    let root = |folder: PathBuf, program| Root { folder, program };
    if is("models/Stable-diffusion") {
        return vec![root(models, Program::A1111), root(folder.join("embeddings"), Program::A1111)];
    }
    if is("models/checkpoints") {
        let mut found = vec![root(models, Program::ComfyUi)];
        let file = folder.join("extra_model_paths.yaml");
        let further = text(&file).map(|text| yaml::folders(&text, &file, machine.home.as_deref())).unwrap_or_default();
        found.extend(further.into_iter().map(|folder| root(folder, Program::ComfyUi)));
        return found;
    }
    if folder.join("invokeai.yaml").is_file() || is("databases") && models.is_dir() {
        return vec![root(models, Program::InvokeAi)];
    }
    Vec::new()
}

/// A folder that somebody added: a program's, a hub's cache, or just a folder.
fn inside(folder: &Path, machine: &Machine) -> Vec<Root> {
    let found = program(folder, machine);
    if !found.is_empty() {
        return found;
    }
    let is_hub = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(1000);
        entries.filter_map(|entry| entry.file_name().into_string().ok()).any(|name| name.starts_with("models--"))
    };
    for folder in [folder.to_owned(), folder.join("hub")] {
        if is_hub(&folder) {
            return vec![Root { folder, program: Program::Hub }];
        }
    }
    vec![Root { folder: folder.to_owned(), program: Program::Folder }]
}

fn text(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(yaml::MAX_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}
