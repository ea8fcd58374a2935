//! object_store: conditional puts, copies that must not replace, bulk deletes, signed URLs.
//! tests/support/rounds.py says what is done.

use std::{env, fs, time::Duration};

use futures::{StreamExt, TryStreamExt, stream};
use object_store::{
    Attribute, Attributes, Error, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    UpdateVersion, WriteMultipart,
    aws::{AmazonS3, AmazonS3Builder, Checksum, S3CopyIfNotExists},
    path::Path,
    signer::Signer,
};
use reqwest::Method;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const ODD: &str = "dir/a b+c %2F ümlaut&=?#'😀.txt";
const SEEDED: &str = "seed/old+new ü.txt";
const FIVE_MINUTES: Duration = Duration::from_secs(300);

fn path(key: &str) -> Path {
    Path::parse(key).expect("a key")
}

async fn objects(store: &AmazonS3) -> Outcome {
    assert_eq!(store.get(&path(SEEDED)).await?.bytes().await?, "seeded");
    let small = path("dir/small.txt");
    let first = store.put(&small, "first".into()).await?;
    let attributes = Attributes::from_iter([
        (Attribute::ContentType, "text/plain"),
        (Attribute::Metadata("from".into()), "rust"),
    ]);
    let body = fs::read("small.txt")?;
    store.put_opts(&small, body.into(), attributes.clone().into()).await?;
    let read = store.get(&small).await?;
    assert_eq!(read.attributes.get(&Attribute::ContentType), Some(&"text/plain".into()));
    assert_eq!(store.get_range(&small, 2..5).await?, "234");
    let old = GetOptions::new().with_version(first.version);
    assert_eq!(store.get_opts(&small, old).await?.bytes().await?, "first");
    store.put(&path(ODD), "odd name".into()).await?;
    store.copy(&path(ODD), &path("copied")).await?;
    let again = store.copy_if_not_exists(&path("seed/deep/er.txt"), &path("copied")).await;
    assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{again:?}");
    let missing = store.head(&path("none")).await;
    assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
    Ok(())
}

async fn conditions(store: &AmazonS3) -> Outcome {
    let once = path("once");
    let create = || PutOptions::from(PutMode::Create);
    let made = store.put_opts(&once, "1".into(), create()).await?;
    let again = store.put_opts(&once, "2".into(), create()).await;
    assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{again:?}");
    let update = || PutOptions::from(PutMode::Update(UpdateVersion::from(made.clone())));
    store.put_opts(&once, "2".into(), update()).await?;
    let lost = store.put_opts(&once, "3".into(), update()).await;
    assert!(matches!(lost, Err(Error::Precondition { .. })), "{lost:?}");
    store.rename_if_not_exists(&once, &path("twice")).await?;
    store.delete(&path("twice")).await?;
    Ok(())
}

async fn large(store: &AmazonS3) -> Outcome {
    let big = fs::read("big.bin")?;
    let upload = store.put_multipart(&path("big")).await?;
    let mut writer = WriteMultipart::new_with_chunk_size(upload, 5 << 20);
    writer.write(&big);
    let written = writer.finish().await?;
    assert!(written.e_tag.is_some_and(|tag| tag.ends_with("-3\"")));
    assert_eq!(store.get(&path("big")).await?.bytes().await?, big);
    store.put_multipart(&path("never")).await?.abort().await?;
    Ok(())
}

async fn lists(store: &AmazonS3) -> Outcome {
    let keys: Vec<_> = (0..7).map(|number| path(&format!("many/{number} +.txt"))).collect();
    for key in &keys {
        store.put(key, "".into()).await?;
    }
    let rows: Vec<_> = store.list(Some(&path("many"))).try_collect().await?;
    let found: Vec<_> = rows.into_iter().map(|row| row.location).collect();
    assert_eq!(found, keys);
    let after = store.list_with_offset(Some(&path("many")), &keys[4]);
    assert_eq!(after.count().await, 2);
    let level = store.list_with_delimiter(Some(&path("seed"))).await?;
    assert_eq!(level.common_prefixes, [path("seed/deep")]);
    assert_eq!(level.objects[0].location, path(SEEDED));
    let gone = store.delete_stream(stream::iter(keys.clone()).map(Ok).boxed());
    assert_eq!(gone.try_collect::<Vec<_>>().await?, keys);
    Ok(())
}

async fn urls(store: &AmazonS3) -> Outcome {
    let client = reqwest::Client::new();
    let by_url = path("by url");
    let signed = |method| store.signed_url(method, &by_url, FIVE_MINUTES);
    let up = client.put(signed(Method::PUT).await?).body("by url").send().await?;
    assert_eq!(up.status(), 200);
    let down = client.get(signed(Method::GET).await?).send().await?;
    assert_eq!(down.bytes().await?, "by url");
    let gone = client.delete(signed(Method::DELETE).await?).send().await?;
    assert_eq!(gone.status(), 204);
    Ok(())
}

#[tokio::main]
async fn main() -> Outcome {
    let store = AmazonS3Builder::from_env()
        .with_endpoint(env::var("S3_ENDPOINT")?)
        .with_bucket_name(env::var("S3_BUCKET")?)
        .with_allow_http(true)
        .with_checksum_algorithm(Checksum::SHA256)
        .with_copy_if_not_exists(S3CopyIfNotExists::Multipart)
        .build()?;
    objects(&store).await?;
    conditions(&store).await?;
    large(&store).await?;
    lists(&store).await?;
    urls(&store).await
}
