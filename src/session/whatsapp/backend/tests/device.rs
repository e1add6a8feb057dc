use whatsapp_rust::{
    Jid,
    store::traits::Backend,
    wacore::store::{CachedNoiseCert, CachedServerCertChain, Device},
};

/// The contents of a device as comparable text: its serialization, and the fields that the serialization leaves out.
fn contents(device: &Device) -> (serde_json::Value, String) {
    (serde_json::to_value(device).unwrap(), format!("{:?}", device.device_props))
}

pub(super) async fn a_device(memory: &dyn Backend) {
    assert!(!memory.exists().await.unwrap());
    assert!(memory.load().await.unwrap().is_none());
    let mut device = Device::new();
    memory.save(&device).await.unwrap();
    assert!(memory.exists().await.unwrap());
    assert_eq!(contents(&memory.load().await.unwrap().unwrap()), contents(&device));

    let certificate = CachedNoiseCert { key: [9; 32], not_before: 0, not_after: i64::MAX };
    device.pn = Some(Jid::pn("15550100001"));
    device.push_name = "Mei".into();
    device.next_pre_key_id = 813;
    device.server_cert_chain = Some(CachedServerCertChain { intermediate: certificate.clone(), leaf: certificate });
    memory.save(&device).await.unwrap();
    let stored = memory.load().await.unwrap().unwrap();
    assert_eq!(contents(&stored), contents(&device));
    assert_eq!(stored.noise_key.public_key, device.noise_key.public_key);
    assert_eq!(stored.signed_pre_key_signature, device.signed_pre_key_signature);
}

pub(super) async fn a_device_is_made_once(memory: &dyn Backend) {
    memory.create().await.unwrap();
    assert!(memory.exists().await.unwrap());
    let made = memory.load().await.unwrap().unwrap();
    memory.create().await.unwrap();
    assert_eq!(contents(&memory.load().await.unwrap().unwrap()), contents(&made));
    memory.snapshot_db("a fault", None).await.unwrap();
    let _ = memory.resource_report().await;
}
