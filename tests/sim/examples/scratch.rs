use vigie_sim::kubernetes::*;
#[tokio::main]
async fn main() {
    let tls = std::env::args().nth(1).as_deref() == Some("tls");
    let n: u32 = std::env::args().nth(2).map(|n| n.parse().unwrap()).unwrap_or(3);
    let s = ApiServer::start(Settings { tls, ..Settings::default() }).await.unwrap();
    let t = std::time::Instant::now();
    s.load(&pods::typical("shop", "api"), n, 10).unwrap();
    eprintln!("loaded in {:?}", t.elapsed());
    s.write_kubeconfig("/tmp/kubesim.kubeconfig".as_ref(), None).unwrap();
    s.apply(serde_json::json!({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"},"status":{"phase":"Active"}})).unwrap();
    println!("{}", s.url());
    tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
}
