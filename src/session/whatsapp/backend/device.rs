//! The device itself: its keys and its link to the account.

use std::sync::Arc;

use async_trait::async_trait;
use whatsapp_rust::{
    store::{error::Result, traits::DeviceStore},
    wacore::store::{Device, device::DEVICE_PROPS},
};

use super::{SessionBackend, decoded, encode};
use crate::store::whatsapp_device::RecordKind;

/// Device number; a session has one device.
const ID: i32 = 1;

#[async_trait]
impl DeviceStore for SessionBackend {
    async fn save(&self, device: &Device) -> Result<()> {
        self.put(RecordKind::Device, [], encode(device)?).await
    }

    async fn load(&self) -> Result<Option<Device>> {
        let mut device: Option<Device> = decoded(self.get(RecordKind::Device, &[]).await?)?;
        if let Some(device) = &mut device {
            // The library does not serialise these properties, and changes them when it loads a device.
            device.device_props = Arc::new(DEVICE_PROPS.clone());
        }
        Ok(device)
    }

    async fn exists(&self) -> Result<bool> {
        Ok(self.get(RecordKind::Device, &[]).await?.is_some())
    }

    async fn create(&self) -> Result<i32> {
        if !self.exists().await? {
            self.save(&Device::new()).await?;
        }
        Ok(ID)
    }
}
