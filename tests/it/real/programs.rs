//! Where the programs of a real cluster are, and what they are told.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder with the programs that a script makes, such as `tests/cluster.sh`.
///
/// # Errors
/// Why tests of a real server are not run here.
pub fn find(script: &str) -> Result<PathBuf, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    let output = Command::new(path).arg("find").output().expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    match output.status.code() {
        Some(0) => Ok(String::from_utf8_lossy(&output.stdout).trim().into()),
        Some(NOT_RUN) => Err(said),
        _ => panic!("{script} find: {said}"),
    }
}

/// What such a script ends with where it is nobody's fault.
const NOT_RUN: i32 = 3;

/// The files and ports of one cluster.
pub struct Plan {
    /// Where all files are.
    pub folder: PathBuf,
    /// Certificate of the authority, of the API server, and its key.
    pub certificates: [PathBuf; 3],
    /// Ports of etcd for clients, of etcd for its like, and of the API server.
    pub ports: [u16; 3],
}

impl Plan {
    /// What etcd is told.
    pub fn etcd(&self) -> Vec<String> {
        let [clients, peers] =
            [self.ports[0], self.ports[1]].map(|port| format!("http://127.0.0.1:{port}"));
        vec![
            format!("--data-dir={}", self.file("etcd")),
            format!("--listen-client-urls={clients}"),
            format!("--advertise-client-urls={clients}"),
            format!("--listen-peer-urls={peers}"),
            format!("--initial-advertise-peer-urls={peers}"),
            format!("--initial-cluster=default={peers}"),
            "--name=default".to_owned(),
            "--unsafe-no-fsync".to_owned(),
            "--log-level=error".to_owned(),
        ]
    }

    /// What the API server is told.
    pub fn api_server(&self) -> Vec<String> {
        let [etcd, _, port] = self.ports;
        let [_, certificate, key] = &self.certificates;
        vec![
            format!("--etcd-servers=http://127.0.0.1:{etcd}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--secure-port={port}"),
            format!("--tls-cert-file={}", certificate.display()),
            format!("--tls-private-key-file={}", key.display()),
            format!("--token-auth-file={}", self.file(TOKENS)),
            "--anonymous-auth=false".to_owned(),
            "--authorization-mode=RBAC".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", self.file(ACCOUNT_PUBLIC_KEY)),
            format!("--service-account-signing-key-file={}", self.file(ACCOUNT_KEY)),
            "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            "--disable-admission-plugins=ServiceAccount".to_owned(),
            "--allow-privileged=true".to_owned(),
            format!("--cert-dir={}", self.file("api-server")),
        ]
    }

    /// What the controller manager is told.
    pub fn controllers(&self) -> Vec<String> {
        let kubeconfig = self.file(KUBECONFIG);
        vec![
            format!("--kubeconfig={kubeconfig}"),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
            "--use-service-account-credentials=true".to_owned(),
            format!("--service-account-private-key-file={}", self.file(ACCOUNT_KEY)),
            format!("--root-ca-file={}", self.certificates[0].display()),
        ]
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Writes what the programs read.
    pub fn write(&self) {
        let key = rcgen::KeyPair::generate().expect("a key");
        let kubeconfig = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "real", "cluster": {
                "server": self.url(), "certificate-authority": self.certificates[0],
            } }],
            "users": [{ "name": "root", "user": { "token": ROOT } }],
            "contexts": [{ "name": "real", "context": { "cluster": "real", "user": "root" } }],
            "current-context": "real",
        });
        let tokens = format!("{ROOT},root,1,\"system:masters\"\n{NOBODY},nobody,2\n");
        let files = [
            (ACCOUNT_KEY, key.serialize_pem()),
            (ACCOUNT_PUBLIC_KEY, key.public_key_pem()),
            (TOKENS, tokens),
            (KUBECONFIG, kubeconfig.to_string()),
        ];
        for (name, content) in files {
            std::fs::write(self.folder.join(name), content).expect("a file");
        }
    }

    /// Where the API server listens.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports[2])
    }
}

/// The token of somebody who may do everything.
pub const ROOT: &str = "root";
/// The token of somebody without any right.
pub const NOBODY: &str = "nobody";

const ACCOUNT_KEY: &str = "accounts.key";
const ACCOUNT_PUBLIC_KEY: &str = "accounts.pub";
const TOKENS: &str = "tokens.csv";
const KUBECONFIG: &str = "kubeconfig";
