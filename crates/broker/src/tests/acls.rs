//! ACLs, of which there are none.

use protocol::ErrorCode;
use protocol::messages::delete_acls_request::DeleteAclsFilter;
use protocol::messages::{DeleteAclsRequest, DescribeAclsRequest, Response};

use super::{Scene, code};

#[tokio::test]
async fn acls_are_refused_because_security_is_disabled() {
    let scene = Scene::start(&[]).await;
    let filter = DeleteAclsFilter::default().with_resource_type_filter(1);
    let request = DeleteAclsRequest::default().with_filters(vec![filter; 2]);
    for version in 1..=3 {
        let Response::DeleteAcls(deleted) = scene.ask(request.clone(), version).await else {
            panic!()
        };
        let codes: Vec<_> = deleted.filter_results.iter().map(|it| code(it.error_code)).collect();
        assert_eq!(codes, [ErrorCode::SecurityDisabled; 2]);
        assert!(deleted.filter_results.iter().all(|it| it.matching_acls.is_empty()));
        let request = DescribeAclsRequest::default();
        let Response::DescribeAcls(described) = scene.ask(request, version).await else { panic!() };
        assert_eq!(code(described.error_code), ErrorCode::SecurityDisabled);
    }
}
