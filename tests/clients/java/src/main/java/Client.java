import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import software.amazon.awssdk.core.async.AsyncRequestBody;
import software.amazon.awssdk.core.async.AsyncResponseTransformer;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.model.ChecksumAlgorithm;
import software.amazon.awssdk.services.s3.model.ChecksumMode;
import software.amazon.awssdk.services.s3.model.GetObjectRequest;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.ObjectIdentifier;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.S3Object;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;
import software.amazon.awssdk.transfer.s3.S3TransferManager;

/**
 * AWS SDK for Java v2: signed chunks with trailers, 100-continue, the asynchronous client's own
 * parts, its transfer manager and its presigner. tests/support/rounds.py says what is done.
 */
public final class Client {
  private static final String BUCKET = System.getenv("S3_BUCKET");
  private static final URI ENDPOINT = URI.create(System.getenv("S3_ENDPOINT"));
  private static final String ODD = "dir/a b+c %2F ümlaut&=?#'😀.txt";
  private static final Duration FIVE_MINUTES = Duration.ofMinutes(5);
  private static final long PART_BYTES = 5L << 20;

  private final S3Client client;

  private Client(S3Client client) {
    this.client = client;
  }

  public static void main(String[] arguments) throws Exception {
    try (var client = S3Client.builder().endpointOverride(ENDPOINT).forcePathStyle(true).build()) {
      var round = new Client(client);
      round.objects();
      round.refusals();
      round.large();
      round.lists();
      round.urls();
    }
  }

  private void objects() {
    client.headBucket(request -> request.bucket(BUCKET));
    equal(get("seed/old+new ü.txt"), "seeded");
    var first = put("dir/small.txt", RequestBody.fromString("first"));
    client.putObject(
        PutObjectRequest.builder()
            .bucket(BUCKET)
            .key("dir/small.txt")
            .metadata(Map.of("from", "java"))
            .build(),
        Path.of("small.txt"));
    equal(get(request("dir/small.txt").versionId(first)), "first");
    equal(get(request("dir/small.txt").range("bytes=2-4")), "234");
    for (var algorithm : List.of("CRC32", "CRC32C", "SHA1", "SHA256")) {
      client.putObject(
          request ->
              request
                  .bucket(BUCKET)
                  .key(ODD)
                  .checksumAlgorithm(ChecksumAlgorithm.fromValue(algorithm)),
          RequestBody.fromString("odd name"));
      equal(get(request(ODD).checksumMode(ChecksumMode.ENABLED)), "odd name");
    }
    client.copyObject(
        request ->
            request
                .sourceBucket(BUCKET)
                .sourceKey(ODD)
                .destinationBucket(BUCKET)
                .destinationKey("copied"));
    client.waiter().waitUntilObjectExists(request -> request.bucket(BUCKET).key("copied"));
  }

  private void refusals() {
    try {
      get("none");
      throw new AssertionError("a missing key was read");
    } catch (NoSuchKeyException expected) {
      equal(expected.awsErrorDetails().errorCode(), "NoSuchKey");
    }
    try {
      client.putObject(
          request -> request.bucket(BUCKET).key("copied").ifNoneMatch("*"), RequestBody.empty());
      throw new AssertionError("an object was replaced against the condition");
    } catch (S3Exception refused) {
      equal(refused.awsErrorDetails().errorCode(), "PreconditionFailed");
    }
  }

  /** The asynchronous client cuts into parts by itself; the transfer manager uses it on files. */
  private void large() throws IOException {
    var big = Files.readAllBytes(Path.of("big.bin"));
    try (var async =
            S3AsyncClient.builder()
                .endpointOverride(ENDPOINT)
                .forcePathStyle(true)
                .multipartEnabled(true)
                .multipartConfiguration(
                    parts -> parts.minimumPartSizeInBytes(PART_BYTES).thresholdInBytes(PART_BYTES))
                .build();
        var manager = S3TransferManager.builder().s3Client(async).build()) {
      async
          .putObject(
              request -> request.bucket(BUCKET).key("whole"), AsyncRequestBody.fromBytes(big))
          .join();
      var etag = client.headObject(request -> request.bucket(BUCKET).key("whole")).eTag();
      check(etag.endsWith("-3\""), etag);
      var copy = manager.copy(up -> up.copyObjectRequest(
          request ->
              request
                  .sourceBucket(BUCKET)
                  .sourceKey("whole")
                  .destinationBucket(BUCKET)
                  .destinationKey("big")));
      copy.completionFuture().join();
      var back = Path.of("back");
      manager
          .downloadFile(
              down -> down.getObjectRequest(r -> r.bucket(BUCKET).key("big")).destination(back))
          .completionFuture()
          .join();
      check(Arrays.equals(Files.readAllBytes(back), big), "the file that came back differs");
      var bytes =
          async.getObject(request("big").build(), AsyncResponseTransformer.toBytes()).join();
      check(Arrays.equals(bytes.asByteArrayUnsafe(), big), "the parts that came back differ");
      client.deleteObject(request -> request.bucket(BUCKET).key("whole"));
    }
  }

  private void lists() {
    var keys = IntStream.range(0, 7).mapToObj(number -> "many/" + number + " +.txt").toList();
    keys.forEach(key -> put(key, RequestBody.empty()));
    var pages =
        client.listObjectsV2Paginator(
            request -> request.bucket(BUCKET).prefix("many/").maxKeys(3).encodingType("url"));
    equal(pages.contents().stream().map(S3Object::key).toList(), keys);
    var level =
        client.listObjects(request -> request.bucket(BUCKET).prefix("seed/").delimiter("/"));
    equal(level.commonPrefixes().stream().map(one -> one.prefix()).toList(), List.of("seed/deep/"));
    Stream<ObjectIdentifier> gone = keys.stream().map(k -> ObjectIdentifier.builder().key(k).build());
    var answer =
        client.deleteObjects(
            request -> request.bucket(BUCKET).delete(all -> all.objects(gone.toList())));
    equal(answer.deleted().size(), keys.size());
  }

  private void urls() throws IOException, InterruptedException {
    var http = HttpClient.newHttpClient();
    var pathStyle = S3Configuration.builder().pathStyleAccessEnabled(true).build();
    try (var signer =
        S3Presigner.builder()
            .endpointOverride(ENDPOINT)
            .serviceConfiguration(pathStyle)
            .build()) {
      var up =
          signer.presignPutObject(
              url ->
                  url.signatureDuration(FIVE_MINUTES)
                      .putObjectRequest(request -> request.bucket(BUCKET).key("by url")));
      var sent =
          HttpRequest.newBuilder(URI.create(up.url().toString()))
              .PUT(HttpRequest.BodyPublishers.ofString("by url"))
              .build();
      equal(http.send(sent, BodyHandlers.ofString()).body(), "");
      var down =
          signer.presignGetObject(
              url ->
                  url.signatureDuration(FIVE_MINUTES).getObjectRequest(request("by url").build()));
      var asked = HttpRequest.newBuilder(URI.create(down.url().toString())).build();
      equal(http.send(asked, BodyHandlers.ofString()).body(), "by url");
    }
    client.deleteObject(request -> request.bucket(BUCKET).key("by url"));
  }

  private String put(String key, RequestBody body) {
    return client.putObject(request -> request.bucket(BUCKET).key(key), body).versionId();
  }

  private static GetObjectRequest.Builder request(String key) {
    return GetObjectRequest.builder().bucket(BUCKET).key(key);
  }

  private String get(String key) {
    return get(request(key));
  }

  private String get(GetObjectRequest.Builder request) {
    return client.getObjectAsBytes(request.build()).asString(StandardCharsets.UTF_8);
  }

  private static void equal(Object found, Object wanted) {
    check(Objects.equals(found, wanted), "found " + found + ", not " + wanted);
  }

  private static void check(boolean holds, String why) {
    if (!holds) {
      throw new AssertionError(why);
    }
  }
}
