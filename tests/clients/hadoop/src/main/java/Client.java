import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.Objects;
import java.util.TreeSet;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FileUtil;
import org.apache.hadoop.fs.Path;

/**
 * Hadoop's S3A: folders that are empty objects, renames by copy, streams in blocks, bulk deletes.
 * tests/support/rounds.py says what is done.
 */
public final class Client {
  private static final String ODD = "dir/a b+c %2F ümlaut&=?#'😀.txt";
  private static final int PART_BYTES = 5 << 20;

  private final FileSystem files;

  private Client(FileSystem files) {
    this.files = files;
  }

  public static void main(String[] arguments) throws Exception {
    var settings = new Configuration();
    settings.set("fs.s3a.endpoint", System.getenv("S3_ENDPOINT"));
    settings.set("fs.s3a.endpoint.region", System.getenv("AWS_REGION"));
    settings.setBoolean("fs.s3a.path.style.access", true);
    settings.setBoolean("fs.s3a.connection.ssl.enabled", false);
    settings.setInt("fs.s3a.multipart.size", PART_BYTES);
    settings.setInt("fs.s3a.multipart.threshold", PART_BYTES);
    settings.set("fs.s3a.buffer.dir", System.getenv("HOME") + "/s3a");
    settings.setInt("fs.s3a.attempts.maximum", 1);
    var root = new Path("s3a://" + System.getenv("S3_BUCKET") + "/");
    try (var files = root.getFileSystem(settings)) {
      files.setWorkingDirectory(root);
      var round = new Client(files);
      round.objects();
      round.large();
      round.folders();
    }
  }

  private void objects() throws IOException {
    equal(read(new Path("/seed/old+new ü.txt")), "seeded");
    var local = new Path(java.nio.file.Path.of("small.txt").toUri());
    files.copyFromLocalFile(local, new Path("/dir/small.txt"));
    write(new Path(null, null, "/" + ODD), "odd name", true);
    FileUtil.copy(
        files, new Path(null, null, "/" + ODD), files, new Path("/copied"), false, files.getConf());
    try {
      write(new Path("/copied"), "over", false);
      throw new AssertionError("a file was replaced against the call");
    } catch (FileAlreadyExistsException expected) {
      equal(read(new Path("/copied")), "odd name");
    }
    try {
      read(new Path("/none"));
      throw new AssertionError("a missing file was read");
    } catch (FileNotFoundException expected) {
      equal(files.exists(new Path("/none")), false);
    }
  }

  private void large() throws IOException {
    var big = Files.readAllBytes(java.nio.file.Path.of("big.bin"));
    try (var out = files.create(new Path("/written"))) {
      out.write(big);
    }
    check(files.rename(new Path("/written"), new Path("/big")), "not renamed");
    try (var in = files.open(new Path("/big"))) {
      var three = new byte[3];
      in.readFully(1048575, three);
      check(Arrays.equals(three, new byte[] {-1, 0, 1}), "what was read elsewhere differs");
      in.seek(0);
      check(Arrays.equals(in.readAllBytes(), big), "what came back differs");
    }
  }

  private void folders() throws IOException {
    files.mkdirs(new Path("/made/empty"));
    check(files.getFileStatus(new Path("/made/empty")).isDirectory(), "no folder was made");
    for (var number = 0; number < 7; number++) {
      write(new Path("/made/deep/" + number), "", true);
    }
    check(files.rename(new Path("/made"), new Path("/moved")), "not renamed");
    equal(names("/moved"), "[deep, empty]");
    equal(names("/moved/deep"), "[0, 1, 2, 3, 4, 5, 6]");
    equal(files.getContentSummary(new Path("/seed")).getLength(), 12L);
    equal(files.globStatus(new Path("/seed/*/*.txt")).length, 1);
    check(files.delete(new Path("/moved"), true), "not deleted");
    check(!files.exists(new Path("/moved")), "still there");
    equal(names("/seed"), "[deep, old+new ü.txt]");
  }

  private String names(String folder) throws IOException {
    var names = new TreeSet<String>();
    for (var status : files.listStatus(new Path(folder))) {
      names.add(status.getPath().getName());
    }
    return names.toString();
  }

  private void write(Path path, String text, boolean replace) throws IOException {
    try (var out = files.create(path, replace)) {
      out.write(text.getBytes(StandardCharsets.UTF_8));
    }
  }

  private String read(Path path) throws IOException {
    try (var in = files.open(path)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
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
