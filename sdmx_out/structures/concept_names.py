"""Names of agencies, concept schemes, concepts, type-wide code lists and topics in three languages.

Here belong names only. They stand apart from `structures` because they are text to translate, not code.
"""

Names = dict[str, str]


def _names(en: str, fr: str, es: str) -> Names:
    return {"en": en, "fr": fr, "es": es}


AGENCY_NAMES = {
    "ILO": _names(
        "International Labour Organization",
        "Organisation internationale du Travail",
        "Organización Internacional del Trabajo",
    ),
    "ILMS": _names(
        "Labour migration statistics pipeline",
        "Chaîne de production des statistiques de migration de main-d'œuvre",
        "Cadena de producción de estadísticas de migración laboral",
    ),
    "SDMX": _names("SDMX", "SDMX", "SDMX"),
}

SCHEME_NAMES = {
    "CS_ILOSTAT": ("ILO", _names("ILOSTAT concepts", "Concepts d'ILOSTAT", "Conceptos de ILOSTAT")),
    "CS_CLASSIF_TYPE": (
        "ILO",
        _names("Classification types", "Types de classification", "Tipos de clasificación"),
    ),
    "CS_NOTE_TYPE": ("ILO", _names("Note types", "Types de note", "Tipos de nota")),
    "CS_ILMS": (
        "ILMS",
        _names("Concepts of the pipeline", "Concepts de la chaîne de production", "Conceptos de la cadena"),
    ),
}

_CLASSIFICATIONS = {
    "SEX": _names("Sex", "Sexe", "Sexo"),
    "AGE": _names("Age", "Âge", "Edad"),
    "EDU": _names("Education", "Niveau d'instruction", "Nivel de instrucción"),
    "ECO": _names("Economic activity", "Activité économique", "Actividad económica"),
    "OCU": _names("Occupation", "Profession", "Ocupación"),
    "STE": _names("Status in employment", "Situation dans l'emploi", "Situación en el empleo"),
    "CBR": _names("Place or country of birth", "Lieu ou pays de naissance", "Lugar o país de nacimiento"),
    "CCT": _names("Citizenship", "Citoyenneté", "Ciudadanía"),
    "CRS": _names("Country of residence", "Pays de résidence", "País de residencia"),
    "CDS": _names("Country of destination", "Pays de destination", "País de destino"),
    "CPR": _names("Country of previous residence", "Pays de résidence précédente", "País de residencia anterior"),
    "MIG": _names("Migration status", "Statut migratoire", "Situación migratoria"),
    "LMS": _names("Labour market status", "Situation sur le marché du travail", "Situación en el mercado laboral"),
    "GEO": _names("Type of area", "Type de zone", "Tipo de zona"),
}

CONCEPTS = {
    "CS_ILOSTAT": {
        "REF_AREA": _names("Reference area", "Zone de référence", "Área de referencia"),
        "FREQ": _names("Frequency", "Fréquence", "Frecuencia"),
        "MEASURE": _names("Measure", "Mesure", "Medida"),
        "TIME_PERIOD": _names("Time period", "Période", "Período"),
        "OBS_VALUE": _names("Observation value", "Valeur d'observation", "Valor de la observación"),
        "OBS_STATUS": _names("Observation status", "Statut de l'observation", "Estado de la observación"),
        "UNIT_MEASURE_TYPE": _names("Unit of measure type", "Type d'unité de mesure", "Tipo de unidad de medida"),
        "UNIT_MEASURE": _names("Unit of measure", "Unité de mesure", "Unidad de medida"),
        "UNIT_MULT": _names("Unit multiplier", "Multiplicateur d'unité", "Multiplicador de la unidad"),
        "DECIMALS": _names("Decimals", "Décimales", "Decimales"),
        "UPPER_BOUND": _names(
            "Upper confidence limit (95 %)",
            "Limite supérieure de confiance (95 %)",
            "Límite superior de confianza (95 %)",
        ),
        "LOWER_BOUND": _names(
            "Lower confidence limit (95 %)",
            "Limite inférieure de confiance (95 %)",
            "Límite inferior de confianza (95 %)",
        ),
    },
    "CS_CLASSIF_TYPE": _CLASSIFICATIONS,
    "CS_NOTE_TYPE": {
        "SOURCE": _names("Source", "Source", "Fuente"),
        "NOTE_SOURCE": _names("Notes on the source", "Notes sur la source", "Notas sobre la fuente"),
        "NOTE_INDICATOR": _names("Notes on the indicator", "Notes sur l'indicateur", "Notas sobre el indicador"),
        "NOTE_CLASSIF": _names(
            "Notes on the classification", "Notes sur la classification", "Notas sobre la clasificación"
        ),
    },
    "CS_ILMS": {
        "STANDARD_ERROR": _names("Standard error", "Erreur type", "Error estándar"),
        "CONF_STATUS": _names("Confidentiality status", "Statut de confidentialité", "Estado de confidencialidad"),
        "CV": _names("Coefficient of variation", "Coefficient de variation", "Coeficiente de variación"),
        "DF": _names("Degrees of freedom", "Degrés de liberté", "Grados de libertad"),
        "P_VALUE": _names(
            "P-value (two-sided t test of 0)",
            "Valeur p (test t bilatéral de 0)",
            "Valor p (prueba t bilateral de 0)",
        ),
        "N_BAND": _names(
            "Band of the number of sample persons",
            "Tranche du nombre de personnes de l'échantillon",
            "Tramo del número de personas de la muestra",
        ),
        "METHOD": _names("Method of the standard error", "Méthode de l'erreur type", "Método del error estándar"),
    },
}

LIST_NAMES = {"MEASURE": _names("Measure", "Mesure", "Medida"), **_CLASSIFICATIONS}

#: Databases of the catalogue, as the topics' scheme shows them.
DATABASES = {
    "ILMS": _names(
        "International labour migration (ILMS)",
        "Migration internationale de main-d'œuvre (ILMS)",
        "Migración laboral internacional (ILMS)",
    ),
    "LFS": _names("Labour force statistics", "Statistiques de la main-d'œuvre", "Estadísticas de la fuerza de trabajo"),
    "EXT": _names("Tables beyond ILOSTAT", "Tableaux au-delà d'ILOSTAT", "Cuadros más allá de ILOSTAT"),
}

TOPICS = {
    "MST": _names(
        "International migrant stock", "Stock de migrants internationaux", "Población migrante internacional"
    ),
    "MFL": _names(
        "International migrant flow", "Flux de migrants internationaux", "Flujo de migrantes internacionales"
    ),
    "MNA": _names("Nationals abroad", "Nationaux à l'étranger", "Nacionales en el extranjero"),
    "POP": _names("Working-age population", "Population en âge de travailler", "Población en edad de trabajar"),
    "EAP": _names("Labour force", "Main-d'œuvre", "Fuerza de trabajo"),
    "EMP": _names("Employment", "Emploi", "Empleo"),
    "UNE": _names("Unemployment", "Chômage", "Desempleo"),
    "EIP": _names(
        "Persons outside the labour force and NEET",
        "Personnes hors de la main-d'œuvre et NEET",
        "Personas fuera de la fuerza de trabajo y NINI",
    ),
    "XCH": _names("Changes on a year earlier", "Évolutions sur un an", "Variaciones interanuales"),
    "XDB": _names(
        "Differences between foreign-born and native-born persons",
        "Écarts entre personnes nées à l'étranger et nées dans le pays",
        "Diferencias entre nacidos en el extranjero y nacidos en el país",
    ),
    "XDC": _names(
        "Differences between non-citizens and citizens",
        "Écarts entre non-nationaux et nationaux",
        "Diferencias entre no ciudadanos y ciudadanos",
    ),
    "XDW": _names("Domestic workers", "Travailleurs domestiques", "Trabajadores domésticos"),
    "XGB": _names(
        "Migrant pay gap by place of birth",
        "Écart salarial des migrants selon le lieu de naissance",
        "Brecha salarial de los migrantes según lugar de nacimiento",
    ),
    "XGC": _names(
        "Migrant pay gap by citizenship",
        "Écart salarial des migrants selon la nationalité",
        "Brecha salarial de los migrantes según nacionalidad",
    ),
    "XIC": _names("Inflow: calendar year", "Entrées : année civile", "Entradas: año civil"),
    "XIF": _names("Informal employment", "Emploi informel", "Empleo informal"),
    "XIP": _names("Inflow: reference period", "Entrées : période de référence", "Entradas: período de referencia"),
    "XIT": _names("Inflow: last twelve months", "Entrées : douze derniers mois", "Entradas: últimos doce meses"),
    "XIY": _names(
        "Inflow: residence one year ago", "Entrées : résidence un an auparavant", "Entradas: residencia un año antes"
    ),
    "XLU": _names(
        "Labour underutilisation", "Sous-utilisation de la main-d'œuvre", "Subutilización de la fuerza de trabajo"
    ),
    "XMW": _names(
        "For-work and return migrants",
        "Migrants pour motif de travail et migrants de retour",
        "Migrantes por trabajo y migrantes de retorno",
    ),
    "XNA": _names(
        "Nationals abroad: further tables",
        "Nationaux à l'étranger : autres tableaux",
        "Nacionales en el extranjero: otros cuadros",
    ),
    "XPL": _names("Potential labour force", "Main-d'œuvre potentielle", "Fuerza de trabajo potencial"),
    "XPY": _names("Earnings of employees", "Gains des salariés", "Ganancias de los asalariados"),
    "XRS": _names(
        "Usual residence and type of area",
        "Résidence habituelle et type de zone",
        "Residencia habitual y tipo de zona",
    ),
    "XSD": _names("Self-declared unemployment", "Chômage déclaré", "Desempleo declarado"),
    "XSH": _names(
        "Migrants' share in employment", "Part des migrants dans l'emploi", "Proporción de migrantes en el empleo"
    ),
    "XST": _names("Duration of stay", "Durée du séjour", "Duración de la estancia"),
    "XTU": _names(
        "Time-related underemployment", "Sous-emploi lié au temps de travail", "Subempleo por insuficiencia de horas"
    ),
}
