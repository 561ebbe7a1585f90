package carryover.validator;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ValidationOptions;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Validates each line of a file, {@code {"guides":"<packages, separated by commas>","profiles":[…],"resource":"<text>"}},
 * and writes for each, in the same order, its issues: {@code [{"severity","id","location","message"}]}.
 *
 * <p>Arguments: folder of the packages, file that is read, file that is written.
 */
public final class Main {

  private static final ObjectMapper JSON = new ObjectMapper();

  private Main() {}

  public static void main(String[] args) throws IOException {
    var folder = Path.of(args[0]);
    var lines = Files.readAllLines(Path.of(args[1])).stream().map(Main::parse).toList();
    var fhir = FhirContext.forR4();
    Map<String, FhirValidator> validators = new TreeMap<>();
    for (var line : lines) {
      var guides = line.path("guides").asText();
      if (!validators.containsKey(guides)) validators.put(guides, Guides.validator(fhir, packages(folder, guides)));
    }
    var answers =
        lines.parallelStream().map(line -> issues(validators.get(line.path("guides").asText()), line)).toList();
    Files.write(Path.of(args[2]), answers);
  }

  private static List<Path> packages(Path folder, String guides) {
    return Stream.of(guides.split(",")).filter(name -> !name.isEmpty()).map(folder::resolve).toList();
  }

  private static String issues(FhirValidator validator, JsonNode line) {
    var options = new ValidationOptions();
    for (var profile : line.path("profiles")) options.addProfile(profile.asText());
    var found = JSON.createArrayNode();
    for (var message : validator.validateWithResult(line.path("resource").asText(), options).getMessages()) {
      found
          .addObject()
          .put("severity", message.getSeverity().getCode())
          .put("id", message.getMessageId())
          .put("location", message.getLocationString())
          .put("message", message.getMessage());
    }
    return found.toString();
  }

  private static JsonNode parse(String line) {
    try {
      return JSON.readTree(line);
    } catch (IOException error) {
      throw new IllegalArgumentException(error);
    }
  }
}
