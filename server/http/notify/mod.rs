//! Telling others of events: webhooks, the stream of events, subscriptions to mail.

mod deliveries;
mod events;
mod stream;
mod subscriptions;
mod webhooks;

use utoipa_actix_web::service_config::ServiceConfig;

pub use stream::EventStreams;

/// The addresses of this folder.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(webhooks::list_webhooks).service(webhooks::create_webhook);
    config.service(webhooks::read_webhook).service(webhooks::change_webhook).service(webhooks::remove_webhook);
    config.service(webhooks::rotate_webhook).service(deliveries::test_webhook);
    config.service(deliveries::list_deliveries).service(deliveries::read_delivery);
    config.service(deliveries::replay_delivery).service(deliveries::replay_webhook);
    config.service(events::follow_events);
    config.service(subscriptions::list_subscriptions).service(subscriptions::subscribe);
    config.service(subscriptions::unsubscribe).service(subscriptions::unsubscribe_by_letter);
    config.service(subscriptions::read_unsubscribe_page);
}
